import Foundation

/// Why a command ended, in one line for a person and as one of the exit codes that scripts rely on (those of
/// `sysexits.h`).
struct CommandFailure: Error, CustomStringConvertible {
    enum Code: Int32 {
        /// An unknown or invalid flag or setting.
        case usage = 64
        /// A file that is not what it should be.
        case badData = 65
        /// No such input.
        case noInput = 66
        /// No broker answers, or it refuses.
        case unavailable = 69
        /// A fault of the program.
        case internalError = 70
    }

    let code: Code
    let message: String

    var description: String { message }

    static func usage(_ message: String) -> Self { Self(code: .usage, message: message) }
    static func badData(_ message: String) -> Self { Self(code: .badData, message: message) }
    static func noInput(_ message: String) -> Self { Self(code: .noInput, message: message) }
    static func unavailable(_ message: String) -> Self { Self(code: .unavailable, message: message) }
    static func internalError(_ message: String) -> Self { Self(code: .internalError, message: message) }
}
