import Classification
import Crypto
import Foundation
import Testing

@Suite("Model files")
struct ModelFileTests {
    private let folder: TemporaryFolder
    private let model: LinearModel

    init() throws {
        folder = try TemporaryFolder()
        model = try Samples.model()
    }

    private func error(of bytes: [UInt8]) throws -> ModelFileError? {
        let path = try folder.write(bytes, as: "model")
        return #expect(throws: ModelFileError.self) { try ModelFile.load(path: path) }
    }

    /// Bytes with a digest that fits, as a program that knows the format could make them.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        let content = bytes.dropLast(LinearLayout.digestBytes)
        return content + Array(SHA256.hash(data: content))
    }

    private func changed(_ offset: Int, _ value: UInt32) -> [UInt8] {
        var bytes = model.bytes
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: UInt32.self) }
        return bytes
    }

    private func layout() throws -> LinearLayout {
        try #require(model.bytes.withUnsafeBytes { LinearLayout(readingFrom: $0) })
    }

    @Test("A model comes back from its file as it was")
    func roundTrip() throws {
        let path = folder.path("model")
        let written = try ModelFile.write(model, to: path)
        let classifier = try ModelFile.load(path: path)
        #expect(classifier.model == written)
        #expect(classifier.model.identifier == "voyages@\(written.version)")
        #expect(classifier.model.language == "fr")
        let direct = try model.makeClassifier().probabilities(of: Samples.travel.texts)
        #expect(try classifier.probabilities(of: Samples.travel.texts) == direct)
        guard case .linear(let metadata) = try ModelFile.metadata(path: path) else {
            Issue.record("no linear model")
            return
        }
        #expect(metadata.trainingData.sha256 == Samples.travel.digest)
        #expect(metadata.trainingData.sentencesOfClass == [20, 20, 20])
    }

    @Test("The version is the beginning of the SHA-256 of the content, which ends the file")
    func version() {
        let digest = SHA256.hash(data: model.bytes.dropLast(32))
        #expect(model.bytes.suffix(32).elementsEqual(digest))
        let digits = digest.prefix(6).map { String(format: "%02x", $0) }.joined()
        #expect(model.description.version == digits)
    }

    @Test("Writing replaces the file at once and leaves nothing beside it")
    func atomic() throws {
        let path = try folder.write(Array("old".utf8), as: "model")
        try ModelFile.write(model, to: path)
        #expect(folder.names == ["model"])
        #expect(try ModelFile.load(path: path).model == model.description)
        let error = #expect(throws: ModelFileError.self) {
            try ModelFile.write(model, to: folder.path("no/such/folder/model"))
        }
        #expect(error?.code == .notWritten)
    }

    @Test("A missing file is told from a wrong one")
    func missing() throws {
        let error = #expect(throws: ModelFileError.self) { try ModelFile.load(path: folder.path("none")) }
        #expect(error?.code == .missing)
        #expect(error?.isMissing == true)
        let other = #expect(throws: ModelFileError.self) { try ModelFile.load(path: folder.url.path) }
        #expect(other?.code == .foreign)
        #expect(other?.isMissing == false)
    }

    @Test("What is not a regular file is refused at once, whoever else holds it open")
    func pipe() throws {
        let path = folder.path("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        for path in [path, "/dev/zero"] {
            let error = #expect(throws: ModelFileError.self) { try ModelFile.load(path: path) }
            #expect(error?.code == .unreadable)
            #expect(error?.description == "model \(path): is not a regular file")
        }
    }

    @Test("Files of other kinds are foreign")
    func foreign() throws {
        for content in ["", "{}", "PK\u{3}\u{4} some archive, longer than any header of ours would be, to be sure"] {
            #expect(try error(of: Array(content.utf8))?.code == .foreign)
        }
        // A line end changed by a transfer in text mode.
        #expect(try error(of: model.bytes[..<7] + [0x0D, 0x0A] + model.bytes[8...])?.code == .foreign)
    }

    @Test("A newer format says so")
    func newer() throws {
        let error = try error(of: sealed(changed(8, LinearLayout.formatVersion + 1)))
        #expect(error?.code == .newerFormat)
        #expect(error?.description.contains("format 2") == true)
    }

    @Test("An unknown kind of model says so")
    func unknownKind() throws {
        #expect(try error(of: sealed(changed(12, 9)))?.code == .unknownKind)
    }

    @Test("Every shorter file is truncated")
    func truncated() throws {
        let layout = try layout()
        let edges = [8, 9, 63, 64, 100, layout.biases, layout.tags, layout.rows, layout.digest, layout.fileBytes - 1]
        for length in edges {
            #expect(try error(of: Array(model.bytes[..<length]))?.code == .truncated, "cut to \(length) bytes")
        }
        #expect(try error(of: model.bytes + [0])?.code == .corrupt)
    }

    @Test("A changed bit is noticed wherever it is")
    func changedBit() throws {
        let layout = try layout()
        let sections = [
            24, 28, 32, 36, 40, 44, 48, LinearLayout.headerBytes + 5, layout.biases + 1, layout.bucketStarts + 2,
            layout.tags + 3, layout.rows + 4, layout.digest - 1, layout.digest, layout.fileBytes - 1,
        ]
        for offset in sections {
            var bytes = model.bytes
            bytes[offset] ^= 0x10
            #expect(try error(of: bytes)?.code == .corrupt, "bit changed at \(offset)")
        }
    }

    @Test("A file whose digest fits and whose numbers lie is refused before it leads look-ups astray")
    func sealedNonsense() throws {
        let layout = try layout()
        let nonsense: [(Int, UInt32)] = [
            (24, .max), (24, 0), (28, 0), (28, 1), (28, 4), (28, .max), (32, .max), (32, 0), (36, 0), (36, 31),
            (36, UInt32(layout.bucketBits + 1)), (40, Float.nan.bitPattern), (40, 0), (44, Float.infinity.bitPattern),
            // Finite, and so large that scores are not.
            (40, Float(1e38).bitPattern), (44, Float(1e-38).bitPattern), (layout.biases + 4, Float(3e38).bitPattern),
            // The lane after the last class, as likely as a class.
            (layout.biases + 3 * 4, 0),
            // A row begins with the feature's mass; with none of it a length can become 0. Lanes without a class weigh nothing.
            (layout.rows, 0), (layout.rows, 0xFFFF), (layout.rows + 12, 1),
            (LinearLayout.headerBytes, 0), (layout.biases, Float.nan.bitPattern), (layout.bucketStarts + 8, .max),
        ]
        for (offset, value) in nonsense {
            #expect(try error(of: sealed(changed(offset, value)))?.code == .corrupt, "\(value) at \(offset)")
        }
    }

    @Test("A file that does not say how often each class occurred is refused")
    func classCounts() throws {
        let good = "\"sentencesOfClass\":[20,20,20]"
        // As long as what they replace, so that nothing else moves.
        for bad in ["[20,20   ]", "[0 ,0 ,0 ]", "[20,20,-1]"] {
            let text = Array(good.replacing("[20,20,20]", with: bad).utf8)
            var bytes = model.bytes
            let place = try #require(bytes.indices.first { bytes[$0...].starts(with: good.utf8) })
            bytes.replaceSubrange(place..<place + text.count, with: text)
            let error = try error(of: sealed(bytes))
            #expect(error?.code == .corrupt)
            #expect(error?.reason.contains("each class") == true)
        }
    }

    @Test("A file that is overwritten in place does not reach a loaded model")
    func overwritten() throws {
        let path = folder.path("model")
        try ModelFile.write(model, to: path)
        let classifier = try ModelFile.load(path: path)
        let before = try classifier.probabilities(of: Samples.travel.texts)
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.truncate(atOffset: 0)
        try file.close()
        #expect(try classifier.probabilities(of: Samples.travel.texts) == before)
    }
}
