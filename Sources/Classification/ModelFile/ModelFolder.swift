internal import Crypto
internal import Foundation
import Platform

/// Models in folders: those with an encoder.
///
/// Either a cascade, as `triage train --encoder` writes it: `model.json`, `linear.model`, `head.bin`, and `encoder`, a folder
/// or a link to one. Or a classifier that was trained elsewhere: `openvino_model.xml` or `model.onnx`,
/// `openvino_tokenizer.xml`, and `config.json` with the names of its classes.
package enum ModelFolder {
    static let manifest = "model.json"
    static let linear = "linear.model"
    static let head = "head.bin"
    static let encoder = "encoder"
    static let configuration = "config.json"

    /// Reads and checks a model.
    static func load(_ path: String, _ options: EncoderOptions) throws(ModelFileError) -> any Classifier {
        switch try metadata(path) {
        case .cascade(let metadata): try loadCascade(path, metadata, options)
        case .finished(let metadata): try loadFinished(path, metadata, options)
        case .linear: throw ModelFileError(.corrupt, path, "is a folder")
        }
    }

    /// What its files say of a model, without its encoder.
    static func metadata(_ path: String) throws(ModelFileError) -> StoredModel {
        if FileManager.default.fileExists(atPath: "\(path)/\(manifest)") {
            return .cascade(try decode(CascadeMetadata.self, "\(path)/\(manifest)").checked(path))
        }
        guard FileManager.default.fileExists(atPath: "\(path)/\(configuration)") else {
            throw ModelFileError(
                .foreign, path,
                "is a folder without \(manifest) ('triage train --encoder' makes one) or \(configuration) (a classifier's, with id2label)"
            )
        }
        return .finished(try decode(FinishedMetadata.self, "\(path)/\(configuration)"))
    }

    private static func loadCascade(
        _ path: String, _ metadata: CascadeMetadata, _ options: EncoderOptions
    ) throws(ModelFileError) -> any Classifier {
        for (name, stated) in metadata.files {
            let file = "\(path)/\(name)"
            guard try digest(of: file) == stated else {
                throw ModelFileError(.corrupt, file, "does not fit \(manifest): it was damaged, or is of another model")
            }
        }
        let loaded = try ModelFile.load(path: "\(path)/\(linear)")
        guard let linear = loaded as? LinearClassifier, linear.model.labels == metadata.labels else {
            throw ModelFileError(.corrupt, path, "has a linear model with other classes than \(manifest)")
        }
        let width = metadata.encoder.dimensions
        let bytes: [UInt8]
        do { bytes = try RegularFile.contents("\(path)/\(head)") } catch {
            throw ModelFileError(error.isMissing ? .missing : .unreadable, "\(path)/\(head)", error.reason)
        }
        guard let head = EmbeddingHead(bytes: bytes, width: width, classes: metadata.labels.count) else {
            throw ModelFileError(
                .corrupt, "\(path)/\(head)", "has another size than \(manifest) says, or numbers that are none")
        }
        var options = options
        options.maximumTokens = options.maximumTokens ?? metadata.maximumTokens
        let encoder = try encoder(of: path, metadata.encoder, options)
        guard encoder.width == width else {
            throw ModelFileError(
                .corrupt, path, "is for embeddings of \(width) numbers; its encoder has \(encoder.width)")
        }
        return EncoderClassifier(
            model: ModelDescription(
                name: metadata.name, version: try String(digest(of: "\(path)/\(manifest)").prefix(12)),
                labels: metadata.labels, language: metadata.language, threshold: metadata.decision?.threshold,
                hasEncoder: true),
            encoder: encoder, stages: .cascade(linear: linear, head: head, blend: metadata.blend))
    }

    private static func encoder(
        of path: String, _ metadata: CascadeMetadata.Encoder, _ options: EncoderOptions
    ) throws(ModelFileError) -> TextEncoder {
        let place = "\(path)/\(encoder)"
        guard FileManager.default.fileExists(atPath: place) else {
            let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: place)).map { " at \($0)" } ?? ""
            throw ModelFileError(
                .missing, path,
                "needs the encoder \(metadata.name)\(target), which is not there: link or copy its folder to \(place) "
                    + "('make encoder' makes the ones that Triage brings), or train with --embed")
        }
        let folder = try EncoderFolder(place)
        guard folder.digest == metadata.sha256 else {
            throw ModelFileError(
                .corrupt, place,
                "is not the encoder that the model was trained with: \(metadata.name), SHA-256 \(metadata.sha256.prefix(12))…; it is "
                    + "\(folder.digest.prefix(12))…")
        }
        return try TextEncoder(folder, options, isClassifier: false)
    }

    private static func loadFinished(
        _ path: String, _ metadata: FinishedMetadata, _ options: EncoderOptions
    ) throws(ModelFileError) -> any Classifier {
        let file = "\(path)/\(configuration)"
        let labels = try metadata.labels(file)
        let folder = try EncoderFolder(path)
        let encoder = try TextEncoder(folder, options, isClassifier: true)
        guard encoder.width == labels.count else {
            throw ModelFileError(
                .corrupt, file,
                "names \(labels.count) classes in id2label, and \(folder.graph) has \(encoder.width) scores")
        }
        var hash = SHA256()
        hash.update(data: Data("\(folder.digest) \(try digest(of: file))".utf8))
        let name =
            metadata.name?.split(separator: "/").last.map(String.init)
            ?? URL(filePath: path).standardized.lastPathComponent
        return EncoderClassifier(
            model: ModelDescription(
                name: name, version: Hexadecimal.string(hash.finalize().prefix(6)), labels: labels, language: "und",
                hasEncoder: true),
            encoder: encoder, stages: .finished)
    }

    /// Hexadecimal SHA-256 of a file, read piece by piece.
    static func digest(of path: String) throws(ModelFileError) -> String {
        let file: Int32
        do throws(RegularFile.Failure) { file = try RegularFile.open(path).descriptor } catch {
            throw error.isMissing
                ? ModelFileError(.missing, path, "no such file") : ModelFileError(.unreadable, path, error.reason)
        }
        defer { close(file) }
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw ModelFileError(.unreadable, path, "cannot be read: \(String(cString: strerror(errno)))")
            }
            guard count > 0 else { return Hexadecimal.string(hash.finalize()) }
            buffer.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    /// Reads a JSON file.
    static func decode<Value: Decodable>(_ type: Value.Type, _ path: String) throws(ModelFileError) -> Value {
        let bytes: [UInt8]
        do throws(RegularFile.Failure) { bytes = try RegularFile.contents(path) } catch {
            throw ModelFileError(error.isMissing ? .missing : .unreadable, path, error.reason)
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw ModelFileError(.corrupt, path, error.explanation)
        } catch {
            throw ModelFileError(.corrupt, path, "is no JSON")
        }
    }

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

extension DecodingError {
    /// One human-readable line, to come after the name of a file.
    fileprivate var explanation: String {
        func place(_ context: Context) -> String {
            "/" + context.codingPath.map(\.stringValue).joined(separator: "/")
        }
        switch self {
        case .keyNotFound(let key, let context):
            return "lacks \"\(key.stringValue)\" at \(place(context))"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "has a value of another type than expected at \(place(context))"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty ? "is no JSON" : "has an invalid value at \(place(context))"
        @unknown default: return "is not as expected"
        }
    }
}

/// What the files of a model say of it.
package enum StoredModel: Sendable {
    case linear(ModelMetadata)
    case cascade(CascadeMetadata)
    case finished(FinishedMetadata)

    /// What it was trained on; nil if that was elsewhere.
    package var trainingData: ModelMetadata.TrainingData? {
        switch self {
        case .linear(let metadata): metadata.trainingData
        case .cascade(let metadata): metadata.trainingData
        case .finished: nil
        }
    }
}

/// The `model.json` of a cascade. Contains no time, host or path.
package struct CascadeMetadata: Sendable, Hashable, Codable {
    /// The encoder that the model was trained with, and needs.
    package struct Encoder: Sendable, Hashable, Codable {
        package var name: String
        /// Hexadecimal SHA-256 over its files.
        package var sha256: String
        package var dimensions: Int
        /// In what its weights are kept.
        package var precision: String
        package var license: String?
    }

    package var format = 1
    package var kind = "cascade"
    package var name: String
    package var language: String
    package var labels: [String]
    package var trainingData: ModelMetadata.TrainingData
    /// The cross-validation scores of the cascade.
    package var scores: ModelMetadata.Scores
    package var decision: ModelMetadata.Decision?
    package var options: LinearTrainer.Options
    package var encoder: Encoder
    /// Where a sentence is cut, in tokens.
    package var maximumTokens: Int
    package var blend: Blend
    /// Whether the threshold was learnt, so that training again learns it again.
    package var learnsThreshold: Bool
    /// The share of the training sentences for which the encoder is asked.
    package var encoderShare: Double
    /// Hexadecimal SHA-256 of the other files.
    package var files: [String: String] = [:]

    /// The choice that it was trained with.
    package var cascade: CascadeChoice {
        if learnsThreshold { return .learnt }
        return blend.askBelow > 1 ? .always : blend.askBelow == 0 ? .never : .below(blend.askBelow)
    }

    /// - Throws: if something in it contradicts itself.
    func checked(_ path: String) throws(ModelFileError) -> CascadeMetadata {
        let file = "\(path)/\(ModelFolder.manifest)"
        guard format >= 1 else { throw ModelFileError(.corrupt, file, "has format \(format), which there never was") }
        guard format <= 1 else {
            throw ModelFileError(.newerFormat, file, "has format \(format), and this program reads format 1; update it")
        }
        guard kind == "cascade" else {
            throw ModelFileError(.unknownKind, file, "holds a model of kind \(kind), which this program does not know")
        }
        guard Set(labels).count == labels.count, labels.count >= 2, (1...65_536).contains(encoder.dimensions),
            EncoderOptions.tokens.contains(maximumTokens), decision.map({ (0...1).contains($0.threshold) }) ?? true,
            (0...1).contains(blend.encoderWeight), Temperature.range.contains(blend.headTemperature),
            Temperature.range.contains(blend.temperature), (0...Blend.always).contains(blend.askBelow),
            Set(files.keys) == [ModelFolder.linear, ModelFolder.head],
            trainingData.sentencesOfClass.count == labels.count
        else {
            throw ModelFileError(.corrupt, file, "has values that no training gives")
        }
        return self
    }
}

/// The `config.json` of a classifier in Hugging Face's layout.
package struct FinishedMetadata: Sendable, Hashable, Codable {
    /// The names of the classes by their number.
    package var id2label: [String: String]?
    /// `single_label_classification`, or another task.
    package var task: String?
    package var name: String?

    private enum CodingKeys: String, CodingKey {
        case id2label
        case task = "problem_type"
        case name = "_name_or_path"
    }

    /// Whether it is more than space, and on one line.
    private func isName(_ label: String) -> Bool {
        label.contains { !$0.isWhitespace }
            && !label.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    /// The classes in order.
    func labels(_ file: String) throws(ModelFileError) -> [String] {
        guard task == nil || task == "single_label_classification" else {
            throw ModelFileError(
                .unknownKind, file, "is for \(task ?? ""): Triage gives each sentence one of several classes")
        }
        guard let id2label, id2label.count >= 2 else {
            throw ModelFileError(.corrupt, file, "has no id2label with the names of at least two classes")
        }
        let labels = (0..<id2label.count).compactMap { id2label[String($0)] }
        guard labels.count == id2label.count, Set(labels).count == labels.count, labels.allSatisfy(isName)
        else {
            throw ModelFileError(
                .corrupt, file,
                "must name each class once in id2label, on one line, by the numbers from 0 to \(id2label.count - 1)")
        }
        return labels
    }
}
