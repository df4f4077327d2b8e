internal import Crypto
internal import Foundation
import Platform

/// The settings of an encoder at run time.
package struct EncoderOptions: Sendable, Hashable {
    /// Threads that compute for each session. With 1 it is the session's own, so that its priority holds.
    package var threads = 1
    /// The most tokens of a sentence, the special ones included; nil for what the model was trained with, or 128.
    package var maximumTokens: Int?

    /// What is cut off without another setting.
    package static let usualTokens = 128
    /// What ``maximumTokens`` may be.
    package static let tokens = 8...512

    package init(threads: Int = 1, maximumTokens: Int? = nil) {
        self.threads = threads
        self.maximumTokens = maximumTokens
    }
}

/// The description of an encoder, `encoder.json` in its folder. All of it can be left out.
package struct EncoderDescription: Sendable, Hashable, Codable {
    /// How an embedding of each token becomes one of the sentence.
    package enum Pooling: String, Sendable, Codable {
        /// The mean of the tokens.
        case mean
        /// The first token.
        case cls
    }

    /// Its name.
    package var name: String?
    /// What stands before each sentence, such as `query: `.
    package var prefix: String?
    /// For an encoder that returns an embedding of each token; the mean without.
    package var pooling: Pooling?
    /// The numbers in an embedding.
    package var dimensions: Int?
    /// In what its weights are kept, such as `f32` or `int8 weights`.
    package var precision: String?
    /// Its license, an SPDX identifier.
    package var license: String?
    /// The languages that it knows.
    package var languages: String?

    package init() {}
}

/// A folder with an encoder: `openvino_model.xml` with its `.bin`, or `model.onnx`; `openvino_tokenizer.xml` with its
/// `.bin`; perhaps `encoder.json`.
struct EncoderFolder {
    let path: String
    let description: EncoderDescription
    /// The name of the encoder's graph.
    let graph: String
    /// Files with its weights, for ONNX.
    private let weights: [String]
    /// Hexadecimal SHA-256 over the names and contents of all that makes the encoder what it is.
    let digest: String

    static let tokenizer = "openvino_tokenizer.xml"
    private static let graphs = ["openvino_model.xml", "model.onnx"]
    static let descriptionName = "encoder.json"

    /// Finds the parts, and reads them once for the digest.
    init(_ path: String) throws(ModelFileError) {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw ModelFileError(.missing, path, "is no folder with an encoder in it; 'make encoder' makes one")
        }
        func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }
        guard let graph = Self.graphs.first(where: has) else {
            throw ModelFileError(
                .missing, path,
                "has no openvino_model.xml or model.onnx; 'optimum-cli export openvino --model NAME FOLDER' makes one")
        }
        guard has(Self.tokenizer) else {
            throw ModelFileError(
                .missing, path,
                "has no \(Self.tokenizer); 'convert_tokenizer NAME -o FOLDER' of openvino-tokenizers makes one")
        }
        self.graph = graph
        // Large ONNX models have their weights in files beside.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        weights = graph.hasSuffix(".onnx") ? names.filter { $0.hasPrefix(graph) && $0 != graph }.sorted() : []
        var files = [graph, Self.tokenizer] + weights
        files += files.filter { $0.hasSuffix(".xml") }.map { $0.dropLast(3) + "bin" }
        if has(Self.descriptionName) {
            files.append(Self.descriptionName)
            description = try ModelFolder.decode(EncoderDescription.self, "\(path)/\(Self.descriptionName)")
        } else {
            description = EncoderDescription()
        }
        var hash = SHA256()
        for file in files.sorted() where has(file) || file.hasSuffix(".bin") {
            let digest = try ModelFolder.digest(of: "\(path)/\(file)")
            hash.update(data: Data("\(file) \(digest)\n".utf8))
        }
        digest = Hexadecimal.string(hash.finalize())
    }

    /// The files to copy when a model takes its encoder along.
    var files: [String] {
        ([graph, Self.tokenizer, Self.descriptionName] + weights).flatMap { name in
            name.hasSuffix(".xml") ? [name, name.dropLast(3) + "bin"] : [name]
        }.filter { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
    }

    /// In what the weights are kept: as described, else by the types of the graph's constants.
    var precision: String {
        if let precision = description.precision { return precision }
        guard graph.hasSuffix(".xml"), let text = try? String(contentsOfFile: "\(path)/\(graph)", encoding: .utf8)
        else { return "as in \(graph)" }
        let kinds = [("i4", "int4"), ("u4", "int4"), ("i8", "int8"), ("u8", "int8"), ("f16", "f16"), ("bf16", "bf16")]
        let found = kinds.first { text.contains("element_type=\"\($0.0)\"") }
        return found.map { "\($0.1) weights" } ?? "f32"
    }
}
