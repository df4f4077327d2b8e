internal import Crypto
internal import Foundation
internal import Platform

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Model files on disk.
package enum ModelFile {
    /// Reads and verifies a model: a file with a linear one, or a folder with one that has an encoder.
    ///
    /// - Parameter encoder: the settings of an encoder, if it has one.
    /// - Throws: `ModelFileError`, whose code distinguishes missing, foreign, newer, truncated and corrupt files.
    package static func load(
        path: String, encoder: EncoderOptions = EncoderOptions()
    ) throws(ModelFileError) -> any Classifier {
        guard !isFolder(path) else { return try ModelFolder.load(path, encoder) }
        let storage = try read(path)
        let (layout, metadata) = try verify(storage, path)
        let description = ModelDescription(
            name: metadata.name, version: version(of: storage, layout), labels: metadata.labels,
            language: metadata.language, threshold: metadata.decision?.threshold)
        return LinearClassifier(
            model: description, layout: layout, storage: storage,
            sentencesOfClass: metadata.trainingData.sentencesOfClass)
    }

    /// What the files of a model say of it.
    package static func metadata(path: String) throws(ModelFileError) -> StoredModel {
        guard !isFolder(path) else { return try ModelFolder.metadata(path) }
        return .linear(try verify(read(path), path).metadata)
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// Writes a model to a temporary file and renames it, so that a reader sees either the old file or the new one.
    ///
    /// - Returns: The model's description; its version is derived from the written bytes.
    @discardableResult
    package static func write(_ model: LinearModel, to path: String) throws(ModelFileError) -> ModelDescription {
        guard !isFolder(path) else {
            throw ModelFileError(.notWritten, path, "is a folder, and a linear model is a file; give another --output")
        }
        let temporary = path + ".\(ProcessInfo.processInfo.processIdentifier).tmp"
        do {
            try Data(model.bytes).write(to: URL(filePath: temporary))
            guard rename(temporary, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
        } catch {
            let reason = String(cString: strerror(errno))
            unlink(temporary)
            throw ModelFileError(.notWritten, path, "cannot be written (\(reason)); is the folder there and writable?")
        }
        return model.description
    }

    /// The version of a model: the first 12 hexadecimal digits of its digest.
    static func version(of storage: ModelStorage, _ layout: LinearLayout) -> String {
        let digest = UnsafeRawBufferPointer(storage.bytes)[layout.digest..<layout.fileBytes]
        return Hexadecimal.string(digest.prefix(6))
    }

    /// Reads a whole file into private memory.
    private static func read(_ path: String) throws(ModelFileError) -> ModelStorage {
        let (file, size): (Int32, Int)
        do throws(RegularFile.Failure) {
            (file, size) = try RegularFile.open(path)
        } catch {
            throw error.isMissing
                ? ModelFileError(.missing, path, "no such file") : ModelFileError(.unreadable, path, error.reason)
        }
        defer { close(file) }
        guard size > 0 else { throw ModelFileError(.foreign, path, "is empty, so no Triage model") }
        guard let storage = ModelStorage(byteCount: size) else {
            throw ModelFileError(.unreadable, path, "needs \(size) bytes of memory, which are not available")
        }
        var done = 0
        while done < storage.bytes.count {
            let count = Foundation.read(file, storage.bytes.baseAddress! + done, storage.bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw ModelFileError(.unreadable, path, "cannot be read: \(String(cString: strerror(errno)))")
            }
            guard count > 0 else { throw ModelFileError(.truncated, path, "became shorter while it was read") }
            done += count
        }
        return storage
    }

    /// Validates everything that look-ups rely on, so that even a forged file cannot make them read out of bounds.
    static func verify(
        _ storage: ModelStorage, _ path: String
    ) throws(ModelFileError) -> (layout: LinearLayout, metadata: ModelMetadata) {
        let bytes = UnsafeRawBufferPointer(storage.bytes)
        let magic = LinearLayout.magic
        guard bytes.prefix(magic.count).elementsEqual(magic.prefix(bytes.count)) else {
            throw ModelFileError(.foreign, path, "is not a Triage model; `triage train` makes one")
        }
        guard bytes.count >= LinearLayout.headerBytes else {
            throw ModelFileError(.truncated, path, "ends within its header, after \(bytes.count) bytes")
        }
        let format = UInt32(littleEndian: bytes.load(fromByteOffset: 8, as: UInt32.self))
        guard format <= LinearLayout.formatVersion else {
            throw ModelFileError(
                .newerFormat, path,
                "has format \(format), and this program reads formats up to \(LinearLayout.formatVersion); update it")
        }
        let stated = UInt64(littleEndian: bytes.load(fromByteOffset: 16, as: UInt64.self))
        guard stated <= UInt64(bytes.count) else {
            throw ModelFileError(.truncated, path, "has \(bytes.count) of its \(stated) bytes; copy it again")
        }
        guard stated == UInt64(bytes.count), format == LinearLayout.formatVersion,
            bytes.count >= LinearLayout.headerBytes + LinearLayout.digestBytes
        else {
            throw ModelFileError(.corrupt, path, "has \(bytes.count) bytes, and its header says \(stated)")
        }
        let content = UnsafeRawBufferPointer(rebasing: bytes.dropLast(LinearLayout.digestBytes))
        var hash = SHA256()
        hash.update(bufferPointer: content)
        guard hash.finalize().elementsEqual(bytes.suffix(LinearLayout.digestBytes)) else {
            throw ModelFileError(.corrupt, path, "does not fit its SHA-256: it was damaged or changed")
        }
        let kind = UInt32(littleEndian: bytes.load(fromByteOffset: 12, as: UInt32.self))
        guard kind == LinearLayout.linearKind else {
            throw ModelFileError(.unknownKind, path, "holds a model of kind \(kind), which this program does not know")
        }
        guard let layout = LinearLayout(readingFrom: bytes), layout.fileBytes == bytes.count else {
            throw ModelFileError(.corrupt, path, "has a header that contradicts its size")
        }
        return (layout, try verifyContent(bytes, layout, path))
    }

    private static func verifyContent(
        _ bytes: UnsafeRawBufferPointer, _ layout: LinearLayout, _ path: String
    ) throws(ModelFileError) -> ModelMetadata {
        let range = LinearLayout.headerBytes..<LinearLayout.headerBytes + layout.metadataBytes
        let metadata: ModelMetadata
        do {
            metadata = try JSONDecoder().decode(ModelMetadata.self, from: Data(bytes[range]))
        } catch {
            throw ModelFileError(.corrupt, path, "has metadata that cannot be read: \(error)")
        }
        guard metadata.labels.count == layout.classes, Set(metadata.labels).count == layout.classes else {
            throw ModelFileError(.corrupt, path, "does not name each of its \(layout.classes) classes once")
        }
        let counts = metadata.trainingData.sentencesOfClass
        guard counts.count == layout.classes, counts.allSatisfy({ $0 >= 0 }), counts.contains(where: { $0 > 0 }) else {
            throw ModelFileError(.corrupt, path, "does not say how many sentences each class had in its training")
        }
        let starts = UnsafeRawBufferPointer(rebasing: bytes[layout.bucketStarts..<layout.tags])
            .bindMemory(to: UInt32.self).prefix((1 << layout.bucketBits) + 1)
        var previous: UInt32 = 0
        for start in starts {
            guard start >= previous, start <= layout.features else {
                throw ModelFileError(.corrupt, path, "has a table that points outside itself")
            }
            previous = start
        }
        guard metadata.decision.map({ (0...1).contains($0.threshold) }) ?? true else {
            throw ModelFileError(.corrupt, path, "has a threshold that is no probability")
        }
        guard hasSoundScores(bytes, layout) else {
            throw ModelFileError(.corrupt, path, "has scores that no training gives: not a number, or far too large")
        }
        return metadata
    }

    /// Whether every sentence gets a distribution over the classes, whatever its features: no score can become infinite
    /// or NaN, and padding lanes stay out of it.
    private static func hasSoundScores(_ bytes: UnsafeRawBufferPointer, _ layout: LinearLayout) -> Bool {
        let biases = UnsafeRawBufferPointer(rebasing: bytes[layout.biases..<layout.bucketStarts])
            .bindMemory(to: Float.self).prefix(layout.chunks * 8)
        guard biases.prefix(layout.classes).allSatisfy({ abs($0) <= largestScore }),
            biases.dropFirst(layout.classes).allSatisfy({ $0 == LinearModel.noClass }),
            // The maximum effect of one unit of weight: in a sentence whose squared norm is one unit of mass.
            layout.weightScale / layout.massScale.squareRoot() <= largestScore
        else { return false }
        let lanes = layout.chunks * 8
        let rows = UnsafeRawBufferPointer(rebasing: bytes[layout.rows..<layout.digest]).bindMemory(to: Int16.self)
        for row in stride(from: 0, to: layout.features * lanes, by: lanes) {
            // A row begins with its mass.
            guard rows[row] > 0, rows[row + layout.classes..<row + lanes].allSatisfy({ $0 == 0 }) else { return false }
        }
        return true
    }

    /// Scores are natural logarithms of probability ratios: hundreds at most.
    private static let largestScore: Float = 1e6
}

/// Why a model file could not be read or written.
package struct ModelFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The machine-readable reason.
    package enum Code: String, Sendable {
        /// There is no such file (exit code 66).
        case missing
        /// The file exists but cannot be opened or read.
        case unreadable
        /// The file is not a Triage model.
        case foreign
        /// The file was written by a newer version of this program.
        case newerFormat
        /// The file contains a kind of model that this program does not know.
        case unknownKind
        /// The file ends before the model does.
        case truncated
        /// The content does not match its digest, or is inconsistent.
        case corrupt
        /// The file could not be written.
        case notWritten
    }

    /// The machine-readable reason.
    package let code: Code
    /// The path of the file.
    package let path: String
    /// The human-readable reason.
    package let reason: String

    init(_ code: Code, _ path: String, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    /// Whether there is no such file, as opposed to an invalid file.
    package var isMissing: Bool { code == .missing }

    /// One human-readable line.
    package var description: String { "model \(path): \(reason)" }
}

/// The JSON metadata of a model file. Contains no time, host or path, so that the same data, options and seed give the
/// same bytes.
package struct ModelMetadata: Sendable, Hashable, Codable {
    /// The training data.
    package struct TrainingData: Sendable, Hashable, Codable {
        /// Hexadecimal SHA-256 over the labels and sentences in order; independent of the file format.
        package var sha256: String
        /// The number of sentences.
        package var sentences: Int
        /// The number of sentences of each class, in the order of the classes.
        package var sentencesOfClass: [Int]
    }

    /// The cross-validation scores on the training data.
    package struct Scores: Sendable, Hashable, Codable {
        /// The number of folds.
        package var folds: Int
        /// The share of sentences whose most probable class is right.
        package var accuracy: Double
        /// The mean F1 over classes.
        package var macroF1: Double
        /// The mean negative logarithm of the true class's probability.
        package var logLoss: Double
        /// The expected calibration error of the most probable class, over 15 bins.
        package var calibrationError: Double
    }

    /// The confidence from which the model answers.
    package struct Decision: Sendable, Hashable, Codable {
        /// The share of answers that has to be right.
        package var targetPrecision: Double
        /// The least probability of the likeliest class.
        package var threshold: Double
        /// The share of the training sentences that is answered with it, by cross-validation.
        package var coverage: Double
        /// The share of those answers that is right.
        package var precision: Double
    }

    /// The name of the model.
    package var name: String
    /// The language of its sentences, a BCP 47 tag.
    package var language: String
    /// The classes, in the order of the columns.
    package var labels: [String]
    /// The training data.
    package var trainingData: TrainingData
    /// The cross-validation scores; nil if training skipped it.
    package var scores: Scores?
    /// The threshold; nil if training was asked for none.
    package var decision: Decision?
    /// The training options, so that the training can be repeated.
    package var options: LinearTrainer.Options
    /// The temperature by which the scores were divided to calibrate the probabilities.
    package var temperature: Double
}

/// The bytes of a model, page-aligned and private to this process.
///
/// The file is read, not memory-mapped: a file that is overwritten or truncated in place while workers run would change
/// verified weights, or end them with SIGBUS. Anonymous memory can also use huge pages, which speed up look-ups by
/// hash.
final class ModelStorage: @unchecked Sendable {
    /// Written before the storage is shared and never after; hence `@unchecked Sendable`.
    let bytes: UnsafeMutableRawBufferPointer

    /// Allocates zeroed memory; nil if the system has not enough.
    init?(byteCount: Int) {
        guard byteCount > 0,
            let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            start != MAP_FAILED
        else { return nil }
        #if os(Linux)
            _ = madvise(start, byteCount, MADV_HUGEPAGE)
        #endif
        bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    deinit { munmap(bytes.baseAddress, bytes.count) }
}
