import Foundation
import Telemetry

/// What a command says beside its results.
enum Advice {
    /// Writes a warning to standard error, behind what was printed before it.
    static func warn(_ message: String) {
        fflush(nil)
        StandardError.write(LineEscaping.plainLines("warning: \(message)\n"))
    }

    /// A command of this program, as the user would type it where this one was typed.
    static func command(_ arguments: String) -> String { "\(CommandLine.arguments[0].shellQuoted) \(arguments)" }
}

extension String {
    /// The text as one word of a shell's command line.
    var shellQuoted: String {
        let isPlain = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/._-+=:,@%".utf8.contains(byte)
            }
        }
        if !isEmpty, utf8.allSatisfy(isPlain) { return self }
        return "'\(replacing("'", with: "'\\''"))'"
    }
}
