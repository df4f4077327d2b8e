import Crypto
import Foundation
import Platform

/// The file of API keys: one line for each, the SHA-256 of the key in hexadecimal and the name of who holds it.
/// The keys themselves are nowhere; empty lines and lines that start with `#` mean nothing.
///
/// Any number of processes may change the file at once, and whoever reads it sees it whole: a change locks the file and
/// replaces it by renaming. What is not to change stays as it is: the other lines, the owner and the mode, and a symbolic
/// link points to it as before.
///
/// ```swift
/// let key = try APIKeyFile(path: "keys").create(name: "dashboard")
/// print(key)  // triage_Zm9v…, the only time that it can be seen
/// ```
package struct APIKeyFile: Sendable {
    /// One key as the file has it.
    package struct Entry: Hashable, Sendable {
        /// Who holds it.
        package let name: String
        /// The 32 bytes of its SHA-256.
        package let digest: [UInt8]

        /// The name without what a terminal would obey: not every file was written by us.
        package var printableName: String { APIKeyFile.printable(name) }
    }

    fileprivate static func printable(_ name: String) -> String {
        name.unicodeScalars.map {
            $0.properties.generalCategory == .control ? $0.escaped(asASCII: true) : String($0)
        }.joined()
    }

    /// Why the file cannot be read or changed.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// It is not there or cannot be read or written; with the system's reason.
        case inaccessible(path: String, reason: String)
        /// A line is not a digest and a name.
        case malformed(path: String, line: Int)
        /// Somebody holds a key under this name already.
        case nameTaken(String)
        /// Nobody holds a key under this name.
        case unknownName(String)
        /// The name is empty, starts with `#`, has space at an end or a control character.
        case invalidName(String)

        /// One line for people.
        package var description: String {
            switch self {
            case .inaccessible(let path, let reason): "the file of API keys, --api-keys \(path): \(reason)"
            case .malformed(let path, let line): "\(path):\(line): not a SHA-256 in hexadecimal and a name"
            case .nameTaken(let name): "there is a key of the name \(Self.quote(name)) already; revoke it first"
            case .unknownName(let name): "there is no key of the name \(Self.quote(name))"
            case .invalidName(let name): "\(Self.quote(name)) cannot be a key's name"
            }
        }

        private static func quote(_ name: String) -> String { "'\(APIKeyFile.printable(name))'" }
    }

    /// Where the file lies.
    package let path: String

    /// Names a file, which need not exist yet.
    package init(path: String) {
        self.path = path
    }

    /// Every key in the file.
    package func entries() throws(Failure) -> [Entry] {
        try entries(in: try contents())
    }

    /// Makes a key for `name`, adds it to the file (made if need be, for its owner's eyes only) and returns it. It cannot be
    /// had again.
    package func create(name: String) throws(Failure) -> String {
        guard Self.isValid(name: name) else { throw .invalidName(name) }
        var random = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in random.next() as UInt8 }
        let key =
            "triage_"
            + Data(secret).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
        let line = "\(Hexadecimal.string(Self.digest(of: key))) \(name)\n"
        try change(makingIt: true) { contents throws(Failure) in
            guard !(try entries(in: contents).contains { $0.name == name }) else { throw .nameTaken(name) }
            if let last = contents.last, last != UInt8(ascii: "\n") { contents.append(UInt8(ascii: "\n")) }
            contents += Array(line.utf8)
        }
        return key
    }

    /// Takes the key of `name` out of the file, every one that has the name. Gateways that run notice within seconds.
    package func revoke(name: String) throws(Failure) {
        try change(makingIt: false) { contents throws(Failure) in
            var kept: [UInt8] = []
            var isKnown = false
            for (number, line) in Self.lines(of: contents) {
                if try entry(in: line, number)?.name == name { isKnown = true } else { kept += line }
            }
            guard isKnown else { throw .unknownName(name) }
            contents = kept
        }
    }

    static func digest(of key: String) -> [UInt8] {
        Array(SHA256.hash(data: Array(key.utf8)))
    }

    /// Control characters would let a name paint over the terminal that lists it.
    private static func isValid(name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix("#") && name == name.trimmingCharacters(in: .whitespacesAndNewlines)
            && !name.unicodeScalars.contains {
                [.control, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
            }
    }
}

// MARK: Lines

extension APIKeyFile {
    /// Every key in what the file holds.
    func entries(in contents: [UInt8]) throws(Failure) -> [Entry] {
        var entries: [Entry] = []
        for (number, line) in Self.lines(of: contents) {
            if let entry = try entry(in: line, number) { entries.append(entry) }
        }
        return entries
    }

    /// The lines with their numbers, each with what ends it.
    private static func lines(of contents: [UInt8]) -> [(number: Int, bytes: ArraySlice<UInt8>)] {
        var lines: [(Int, ArraySlice<UInt8>)] = []
        var rest = contents[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.endIndex
            lines.append((lines.count + 1, rest[..<end]))
            rest = rest[end...]
        }
        return lines
    }

    /// The key in a line, which may end as editors of Windows end it; nil where it is empty or a comment.
    private func entry(in line: ArraySlice<UInt8>, _ number: Int) throws(Failure) -> Entry? {
        guard var text = String(validating: line, as: UTF8.self) else {
            throw .malformed(path: path, line: number)
        }
        if number == 1, text.hasPrefix("\u{FEFF}") { text.removeFirst() }
        text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        if text.isEmpty || text.hasPrefix("#") { return nil }
        let parts = text.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, let digest = Hexadecimal.bytes(parts[0]), digest.count == 32 else {
            throw .malformed(path: path, line: number)
        }
        return Entry(name: parts[1].trimmingCharacters(in: .whitespaces), digest: digest)
    }
}

// MARK: The file

extension APIKeyFile {
    /// What the file holds.
    func contents() throws(Failure) -> [UInt8] {
        do throws(RegularFile.Failure) {
            return try RegularFile.contents(path)
        } catch {
            throw .inaccessible(path: path, reason: error.reason)
        }
    }

    /// Reads the file, lets `body` change what it holds, and replaces it, so that a reader sees the old or the new one.
    /// Nobody else changes it meanwhile.
    private func change(
        makingIt: Bool, _ body: (inout [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        let target = try target()
        // The folder is locked, and not the file: that is another one after each change.
        let folder = open(
            URL(fileURLWithPath: target).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure() }
        defer { close(folder) }
        while flock(folder, LOCK_EX) != 0 {
            guard errno == EINTR else { throw failure() }
        }
        let isNew = makingIt && access(target, F_OK) != 0
        var contents = isNew ? [] : try contents()
        try body(&contents)
        try replace(target, by: contents, isNew: isNew)
    }

    /// The file itself where the path names a symbolic link, which is to go on to point to it.
    private func target() throws(Failure) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        var start: CChar = 0
        // A link to nothing is not to become a file.
        guard errno == ENOENT, readlink(path, &start, 1) < 0 else { throw failure() }
        return path
    }

    private func replace(_ target: String, by contents: [UInt8], isNew: Bool) throws(Failure) {
        let temporary = "\(target).new"
        // Of a process that died amid a change: nobody else makes it while we hold the lock.
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure() }
        defer { close(file) }
        do throws(Failure) {
            if !isNew { try copyAttributes(of: target, to: file) }
            var rest = contents[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
                guard count > 0 else { throw failure() }
                rest = rest.dropFirst(count)
            }
            // A key that was revoked does not come back when the machine goes down.
            guard fsync(file) == 0, rename(temporary, target) == 0 else { throw failure() }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Gives a new file the owner and the mode of the one that it is to replace: a gateway of another user still has to
    /// read it.
    private func copyAttributes(of target: String, to file: Int32) throws(Failure) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: target),
            let owner = (attributes[.ownerAccountID] as? NSNumber)?.uint32Value,
            let group = (attributes[.groupOwnerAccountID] as? NSNumber)?.uint32Value,
            let mode = (attributes[.posixPermissions] as? NSNumber)?.uint32Value
        else { throw failure() }
        let isOurs = owner == geteuid() && group == getegid()
        guard isOurs || fchown(file, owner, group) == 0 else {
            throw .inaccessible(path: path, reason: "it belongs to another user; change it as its owner, or as root")
        }
        guard fchmod(file, mode) == 0 else { throw failure() }
    }

    /// The system's last error, about this file.
    private func failure() -> Failure {
        .inaccessible(path: path, reason: String(cString: strerror(errno)))
    }
}
