import Crypto
import Foundation
import Platform

/// The file of API keys. Each line has the SHA-256 of a key in hexadecimal and the holder's name. The keys themselves
/// are not stored. Empty lines and lines that start with `#` are ignored.
///
/// Several processes may change the file concurrently, and readers always see a complete file: each change takes a lock
/// and replaces the file by renaming. The other lines, the owner, the mode and a symbolic link to the file are
/// preserved.
///
/// ```swift
/// let key = try APIKeyFile(path: "keys").create(name: "dashboard")
/// print(key)  // triage_Zm9v…, shown only once
/// ```
package struct APIKeyFile: Sendable {
    /// One key in the file.
    package struct Entry: Hashable, Sendable {
        /// The holder.
        package let name: String
        /// The SHA-256 of the key, 32 bytes.
        package let digest: [UInt8]

        /// The name with control characters escaped, because the file may have been written by another program.
        package var printableName: String { APIKeyFile.printable(name) }
    }

    fileprivate static func printable(_ name: String) -> String {
        name.unicodeScalars.map {
            $0.properties.generalCategory == .control ? $0.escaped(asASCII: true) : String($0)
        }.joined()
    }

    /// Why the file cannot be read or changed.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// It is missing, unreadable or unwritable, with the system's reason.
        case inaccessible(path: String, reason: String)
        /// A line is not a digest and a name.
        case malformed(path: String, line: Int)
        /// A key with this name exists already.
        case nameTaken(String)
        /// There is no key with this name.
        case unknownName(String)
        /// The name is empty, starts with `#`, has leading or trailing whitespace, or contains a control character.
        case invalidName(String)

        /// A one-line message.
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

    /// The path of the file.
    package let path: String

    /// The file need not exist yet.
    package init(path: String) {
        self.path = path
    }

    /// All keys in the file.
    package func entries() throws(Failure) -> [Entry] {
        try entries(in: try contents())
    }

    /// Generates a key for `name`, adds it to the file and returns it. It cannot be retrieved again. A new file is
    /// readable by its owner only.
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

    /// Removes all keys with this name from the file. Running gateways notice within seconds.
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

    /// Control characters could corrupt the terminal that lists the names.
    private static func isValid(name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix("#") && name == name.trimmingCharacters(in: .whitespacesAndNewlines)
            && !name.unicodeScalars.contains {
                [.control, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
            }
    }
}

// MARK: Lines

extension APIKeyFile {
    /// All keys in these contents.
    func entries(in contents: [UInt8]) throws(Failure) -> [Entry] {
        var entries: [Entry] = []
        for (number, line) in Self.lines(of: contents) {
            if let entry = try entry(in: line, number) { entries.append(entry) }
        }
        return entries
    }

    /// The numbered lines with their terminators.
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

    /// The key in a line, which may have a CRLF terminator; nil if the line is empty or a comment.
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
    /// The contents of the file.
    func contents() throws(Failure) -> [UInt8] {
        do throws(RegularFile.Failure) {
            return try RegularFile.contents(path)
        } catch {
            throw .inaccessible(path: path, reason: error.reason)
        }
    }

    /// Reads the file, lets `body` change the contents, and replaces the file atomically under an exclusive lock.
    private func change(
        makingIt: Bool, _ body: (inout [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        let target = try target()
        // Locks the folder, because each change replaces the file itself.
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

    /// The file behind a symbolic link, so that a change keeps the link.
    private func target() throws(Failure) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        var start: CChar = 0
        // A dangling link must not become a file.
        guard errno == ENOENT, readlink(path, &start, 1) < 0 else { throw failure() }
        return path
    }

    private func replace(_ target: String, by contents: [UInt8], isNew: Bool) throws(Failure) {
        let temporary = "\(target).new"
        // Left over from a process that died during a change. No one else writes it while we hold the lock.
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
            // A revoked key must not come back after a power failure.
            guard fsync(file) == 0, rename(temporary, target) == 0 else { throw failure() }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Copies the owner and mode of the replaced file, because a gateway running as another user must still be able to
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

    /// The failure for the current `errno`.
    private func failure() -> Failure {
        .inaccessible(path: path, reason: String(cString: strerror(errno)))
    }
}
