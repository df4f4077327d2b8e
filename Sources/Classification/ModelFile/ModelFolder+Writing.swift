internal import Crypto
internal import Foundation
import Platform

extension ModelFolder {
    /// Refuses a path that a model cannot be written to, so that it is known before the training.
    package static func checkOutput(_ path: String) throws(ModelFileError) {
        let files = FileManager.default
        var isFolder: ObjCBool = false
        guard files.fileExists(atPath: path, isDirectory: &isFolder) else { return }
        let names = (try? files.contentsOfDirectory(atPath: path)) ?? []
        guard isFolder.boolValue, names.isEmpty || names.contains(manifest) else {
            throw ModelFileError(
                .notWritten, path,
                isFolder.boolValue
                    ? "is a folder with something else in it; give another --output"
                    : "is a file, and a model with an encoder is a folder; give another --output")
        }
        guard resolved(path) != resolved(files.currentDirectoryPath) else {
            throw ModelFileError(.notWritten, path, "is the current folder; give another --output")
        }
    }

    /// Writes a trained cascade to a folder beside and exchanges the two, so that a reader sees either the old model or the new
    /// one, and a failure leaves the old one alone.
    ///
    /// - Parameters:
    ///   - embed: whether the encoder is copied; else the folder has a link to it. One that is in the old model's folder is
    ///     copied in any case.
    package static func write(
        _ model: CascadeModel, to path: String, embed: Bool
    ) throws(ModelFileError) -> ModelDescription {
        try checkOutput(path)
        let target = resolved(path)
        let new = "\(target).\(ProcessInfo.processInfo.processIdentifier).new"
        let headBytes = model.head.bytes
        var metadata = model.metadata
        metadata.files = [
            linear: Hexadecimal.string(SHA256.hash(data: model.linear.bytes)),
            head: Hexadecimal.string(SHA256.hash(data: headBytes)),
        ]
        let json: Data
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            json = try encoder.encode(metadata)
            try? FileManager.default.removeItem(atPath: new)
            try FileManager.default.createDirectory(atPath: new, withIntermediateDirectories: true)
            try place(model.encoder.folder, in: new, copied: embed, old: target)
            try Data(model.linear.bytes).write(to: URL(filePath: "\(new)/\(linear)"))
            try Data(headBytes).write(to: URL(filePath: "\(new)/\(head)"))
            try json.write(to: URL(filePath: "\(new)/\(manifest)"))
            try exchange(new, target)
        } catch {
            let reason = (error as? CocoaError)?.reason ?? String(cString: strerror(errno))
            try? FileManager.default.removeItem(atPath: new)
            throw ModelFileError(.notWritten, path, "cannot be written: \(reason)")
        }
        return ModelDescription(
            name: metadata.name, version: Hexadecimal.string(SHA256.hash(data: json).prefix(6)),
            labels: metadata.labels, language: metadata.language, threshold: metadata.decision?.threshold,
            hasEncoder: true)
    }

    /// Puts a link to the encoder, or a copy, into the model's new folder.
    private static func place(_ folder: EncoderFolder, in new: String, copied: Bool, old: String) throws {
        let files = FileManager.default
        let source = resolved(folder.path)
        guard copied || source.hasPrefix(old + "/") else {
            return try files.createSymbolicLink(atPath: "\(new)/\(encoder)", withDestinationPath: source)
        }
        try files.createDirectory(atPath: "\(new)/\(encoder)", withIntermediateDirectories: true)
        for name in folder.files {
            try files.copyItem(atPath: "\(source)/\(name)", toPath: "\(new)/\(encoder)/\(name)")
        }
    }

    /// Puts the new folder in the place of the old one, if there is one, and removes that. What else was in it stays.
    private static func exchange(_ new: String, _ target: String) throws {
        let files = FileManager.default
        guard files.fileExists(atPath: target) else {
            guard rename(new, target) == 0 else { throw CocoaError(.fileWriteUnknown) }
            return
        }
        if !isExchanged(new, target) {
            // A file system that cannot exchange: for a moment there is none.
            let old = "\(new).old"
            guard rename(target, old) == 0, rename(new, target) == 0, rename(old, new) == 0 else {
                throw CocoaError(.fileWriteUnknown)
            }
        }
        let ours: Set = [manifest, linear, head, encoder]
        for name in try files.contentsOfDirectory(atPath: new) where !ours.contains(name) {
            _ = rename("\(new)/\(name)", "\(target)/\(name)")
        }
        try files.removeItem(atPath: new)
    }

    /// Exchanges two folders in one step, if the system can: the C library's `renameat2`, which Swift does not import.
    private static func isExchanged(_ one: String, _ other: String) -> Bool {
        typealias Rename = @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
        guard let symbol = dlsym(nil, "renameat2") else { return false }
        let exchange: UInt32 = 1 << 1
        return unsafeBitCast(symbol, to: Rename.self)(AT_FDCWD, one, AT_FDCWD, other, exchange) == 0
    }

    /// The path without links, `.` and `..`.
    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return URL(filePath: path).standardized.path }
        defer { free(real) }
        return String(cString: real)
    }
}

extension CocoaError {
    /// What the system says.
    fileprivate var reason: String? {
        (errorUserInfo[NSUnderlyingErrorKey] as? any Error).map {
            String(cString: strerror(Int32(($0 as NSError).code)))
        }
    }
}
