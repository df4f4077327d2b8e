internal import Foundation
import Synchronization

/// An encoder that is read and checked: sentences to rows of numbers, embeddings or the scores of a finished classifier.
///
/// Shared by all threads; each works with its own ``EncoderEngine``.
package final class TextEncoder: Sendable {
    /// What is known of it.
    package let description: EncoderDescription
    /// Its name, from the description or the folder.
    package let name: String
    /// Hexadecimal SHA-256 of all that makes it what it is.
    package let digest: String
    /// In what its weights are kept, such as `f32`.
    package let precision: String
    /// The most tokens of a sentence.
    package let maximumTokens: Int
    /// The numbers in a row.
    package let width: Int
    /// OpenVINO's version.
    package let library: String

    /// By how much, at most, a sentence's neighbours in its batch usually move a probability, as measured with the encoders
    /// of set-up: OpenVINO computes with weights of fewer bits
    /// in another way when there are few tokens.
    package var neighbourBound: Double { precision == "f32" ? 0.0001 : 0.03 }

    let folder: EncoderFolder
    let network: InferenceGraph
    let output: Int
    let hasTokenTypes: Bool
    /// How tokens become a sentence; nil if the network does that.
    let pooling: EncoderDescription.Pooling?
    let idOutput, maskOutput: Int
    private let tokenizer: InferenceGraph
    private let threads: Int
    /// Engines that nobody uses: those that were made when the model was tried out go to the sessions of its threads.
    private let idle = Mutex<[EncoderEngine.Parts]>([])

    /// Reads an encoder from its folder.
    package convenience init(
        folder path: String, options: EncoderOptions = EncoderOptions()
    ) throws(ModelFileError) {
        try self.init(EncoderFolder(path), options, isClassifier: false)
    }

    /// - Parameter isClassifier: whether its rows are to be the scores of classes, not embeddings.
    init(_ folder: EncoderFolder, _ options: EncoderOptions, isClassifier: Bool) throws(ModelFileError) {
        self.folder = folder
        description = folder.description
        name = folder.description.name ?? URL(filePath: folder.path).standardized.lastPathComponent
        digest = folder.digest
        precision = folder.precision
        threads = options.threads
        maximumTokens = options.maximumTokens ?? EncoderOptions.usualTokens
        let path = folder.path
        func refuse(_ name: String, _ reason: String) -> ModelFileError {
            ModelFileError(.corrupt, "\(path)/\(name)", reason)
        }
        func read(_ name: String, _ library: OpenVINO) throws(ModelFileError) -> InferenceGraph {
            do throws(OpenVINOError) { return try library.graph("\(path)/\(name)") } catch {
                throw refuse(name, error.reason)
            }
        }
        let library: OpenVINO
        do throws(OpenVINOError) { library = try .shared() } catch {
            throw ModelFileError(error.isMissing ? .missing : .unreadable, path, error.reason)
        }
        self.library = library.version
        let tokenizer = try read(EncoderFolder.tokenizer, library)
        self.tokenizer = tokenizer
        network = try read(folder.graph, library)

        func place(_ name: String) -> Int? { tokenizer.outputs.firstIndex { $0.name == name && $0.isInteger } }
        guard tokenizer.inputs.count == 1, let ids = place("input_ids"), let mask = place("attention_mask") else {
            throw refuse(
                EncoderFolder.tokenizer,
                "is no tokenizer with strings as input and input_ids and attention_mask (int64) as outputs")
        }
        (idOutput, maskOutput) = (ids, mask)
        let needed: Set = ["input_ids", "attention_mask"]
        let names = Set(network.inputs.map(\.name))
        hasTokenTypes = names.contains("token_type_ids")
        guard names.subtracting(["token_type_ids"]) == needed,
            network.inputs.allSatisfy({ $0.isInteger && $0.dimensions?.count == 2 })
        else {
            let found = network.inputs.map { $0.name.isEmpty ? "?" : $0.name }.joined(separator: ", ")
            throw refuse(
                folder.graph,
                "must have the inputs input_ids and attention_mask, perhaps token_type_ids, each a matrix of int64; it has "
                    + "\(found.isEmpty ? "none" : found)")
        }
        guard network.inputs.allSatisfy({ $0.dimensions == [-1, -1] }) else {
            throw refuse(
                folder.graph,
                "takes only batches or sentences of one size; export it with dynamic shapes, as optimum-cli does by itself"
            )
        }
        let preferred = isClassifier ? ["logits"] : ["sentence_embedding", "embedding", "last_hidden_state"]
        output =
            preferred.lazy.compactMap { [network] name in network.outputs.firstIndex { $0.name == name } }.first ?? 0
        let rank = network.outputs.indices.contains(output) ? network.outputs[output].dimensions?.count : nil
        let last = network.outputs.indices.contains(output) ? network.outputs[output].dimensions?.last : nil
        guard let rank, let last, last > 0, network.outputs[output].isFloat, rank == 2 || (rank == 3 && !isClassifier)
        else {
            throw refuse(
                folder.graph,
                isClassifier
                    ? "must have an output of scores, sentences by classes, in f32 (logits)"
                    : "must have an output of embeddings in f32, sentences by numbers or sentences by tokens by numbers"
            )
        }
        width = last
        pooling = rank == 3 ? folder.description.pooling ?? .mean : nil
        guard folder.description.dimensions.map({ $0 == last }) ?? true else {
            throw refuse(
                folder.graph,
                "has \(last) numbers in a row, and \(EncoderFolder.descriptionName) says "
                    + "\(folder.description.dimensions ?? 0)")
        }
    }

    /// Makes what one thread encodes with; takes tenths of a second.
    package func makeEngine() throws(ClassifierError) -> EncoderEngine {
        if let parts = idle.withLock({ $0.popLast() }) { return try EncoderEngine(self, parts) }
        let parts = EncoderEngine.Parts(
            tokenizer: try tokenizer.request(threads: 1), network: try network.request(threads: threads))
        return try EncoderEngine(self, parts)
    }

    /// Takes back what an engine no longer needs.
    func takeBack(_ parts: EncoderEngine.Parts) { idle.withLock { $0.append(parts) } }
}

extension Classifier {
    /// The encoder of a model that has one.
    package var textEncoder: TextEncoder? { (self as? EncoderClassifier)?.encoder }
}
