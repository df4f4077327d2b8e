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
        let encoder = try encoder(of: path, metadata, options)
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

    /// The encoder of a cascade, which must be the one that it was trained with; cut as it was then unless the options say.
    package static func encoder(
        of path: String, _ model: CascadeMetadata, _ options: EncoderOptions
    ) throws(ModelFileError) -> TextEncoder {
        let metadata = model.encoder
        var options = options
        options.maximumTokens = options.maximumTokens ?? model.maximumTokens
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
        let given =
            metadata.name?.split(separator: "/").last.map(String.init)
            ?? URL(filePath: path).standardized.lastPathComponent
        // It stands in replies and metrics as one word, NAME@VERSION.
        let name = String(given.map { $0.isLetter || $0.isNumber || "._-".contains($0) ? $0 : "-" })
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
