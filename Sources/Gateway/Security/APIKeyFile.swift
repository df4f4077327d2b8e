import Crypto
import Foundation
import Platform

/// The file of API keys: one line for each, the SHA-256 of the key in hexadecimal and the name of who holds it.
/// The keys themselves are nowhere; empty lines and lines that start with `#` mean nothing.
///
/// ```swift
/// let key = try APIKeyFile(path: "keys").create(name: "dashboard")
/// print(key)  // triage_Zm9v…, the only time that it can be seen
/// ```
public struct APIKeyFile: Sendable {
    /// One key as the file has it.
    public struct Entry: Hashable, Sendable {
        /// Who holds it.
        public let name: String
        /// The 32 bytes of its SHA-256.
        public let digest: [UInt8]
    }

    /// Why the file cannot be read or changed.
    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// It is not there or cannot be read or written; with the system's reason.
        case inaccessible(path: String, reason: String)
        /// A line is not a digest and a name.
        case malformed(path: String, line: Int)
        /// Somebody holds a key under this name already.
        case nameTaken(String)
        /// Nobody holds a key under this name.
        case unknownName(String)
        /// The name is empty, starts with `#` or has a line break.
        case invalidName(String)

        /// One line for people.
        public var description: String {
            switch self {
            case .inaccessible(let path, let reason): "cannot use the file of API keys \(path): \(reason)"
            case .malformed(let path, let line): "\(path):\(line): not a SHA-256 in hexadecimal and a name"
            case .nameTaken(let name): "there is a key of the name \(name) already; revoke it first"
            case .unknownName(let name): "there is no key of the name \(name)"
            case .invalidName(let name): "\(name.debugDescription) cannot be a key's name"
            }
        }
    }

    /// Where the file lies.
    public let path: String

    /// Names a file, which need not exist yet.
    public init(path: String) {
        self.path = path
    }

    /// Every key in the file.
    public func entries() throws(Failure) -> [Entry] {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw .inaccessible(path: path, reason: error.localizedDescription)
        }
        var entries: [Entry] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let digest = Hexadecimal.bytes(parts[0]), digest.count == 32 else {
                throw .malformed(path: path, line: index + 1)
            }
            entries.append(Entry(name: String(parts[1]), digest: digest))
        }
        return entries
    }

    /// Makes a key for `name`, adds it to the file (made if need be, for its owner's eyes only) and returns it. It cannot be
    /// had again.
    public func create(name: String) throws(Failure) -> String {
        guard !name.isEmpty, !name.hasPrefix("#"), name == name.trimmingCharacters(in: .whitespacesAndNewlines),
            !name.contains(where: \.isNewline)
        else { throw .invalidName(name) }
        var entries = FileManager.default.fileExists(atPath: path) ? try entries() : []
        guard !entries.contains(where: { $0.name == name }) else { throw .nameTaken(name) }
        var random = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in random.next() as UInt8 }
        let key =
            "triage_"
            + Data(secret).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
        entries.append(Entry(name: name, digest: Self.digest(of: key)))
        try write(entries)
        return key
    }

    /// Takes the key of `name` out of the file. Gateways that run notice within seconds.
    public func revoke(name: String) throws(Failure) {
        var entries = try entries()
        guard let index = entries.firstIndex(where: { $0.name == name }) else { throw .unknownName(name) }
        entries.remove(at: index)
        try write(entries)
    }

    static func digest(of key: String) -> [UInt8] {
        Array(SHA256.hash(data: Array(key.utf8)))
    }

    /// Replaces the file in one step, so that a gateway that reads it sees the old or the new one.
    private func write(_ entries: [Entry]) throws(Failure) {
        let lines = entries.map { "\(Hexadecimal.string($0.digest)) \($0.name)\n" }
        let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).new"
        do {
            let isMade = FileManager.default.createFile(
                atPath: temporary, contents: Data(lines.joined().utf8), attributes: [.posixPermissions: 0o600])
            guard isMade else {
                throw Failure.inaccessible(path: path, reason: "its folder cannot be written")
            }
            guard rename(temporary, path) == 0 else {
                throw Failure.inaccessible(path: path, reason: String(cString: strerror(errno)))
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .inaccessible(path: path, reason: error.localizedDescription)
        }
    }
}
