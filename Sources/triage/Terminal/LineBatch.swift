import Classification
import Foundation
import Messages

/// A batch of lines, classified together and answered in order.
struct LineBatch: ~Copyable {
    private static let size = 512

    private let session: any ClassifierSession
    private let encoder: ReplyEncoder
    private let decoder: RequestDecoder
    private let classes: Int
    private let hasEncoder: Bool
    private var headers = RequestHeaders()
    private var output = StandardOutput()

    /// A copy of the lines' bytes, since the reader reuses its buffer.
    private let bytes = ByteArena(capacity: 1 << 16)
    private var lines: [Range<Int>] = []
    private let replies = ByteArena(capacity: 1 << 17)
    private let id = ByteArena(capacity: 32)
    private var number: Int64 = 0

    init(classifier: any Classifier, maximumTextBytes: Int) throws {
        session = try classifier.makeSession()
        classes = classifier.model.labels.count
        hasEncoder = classifier.model.hasEncoder
        encoder = ReplyEncoder(model: classifier.model.identifier, labels: classifier.model.labels)
        decoder = RequestDecoder(maximumTextBytes: maximumTextBytes)
        headers.add(name: HeaderName.contentType.bytes, value: StaticString("text/plain").bytes)
    }

    /// Adds a line; answers the batch when it is full.
    mutating func add(_ line: UnsafeRawBufferPointer) throws {
        lines.append(bytes.append(line))
        if lines.count == Self.size { try answer() }
    }

    /// Answers the remaining lines and flushes the output.
    mutating func finish() throws {
        try answer()
        try output.flush()
    }

    private mutating func answer() throws {
        let requests = lines.map { decoder.decode(value: bytes.bytes(in: $0), headers: headers) }
        let texts = requests.compactMap { if case .text(let text) = $0.content { text } else { nil } }
        var probabilities = [Float](repeating: 0, count: texts.count * classes)
        var outcomes = [SentenceOutcome](repeating: [], count: texts.count)
        try texts.withUnsafeBufferPointer { texts in
            try probabilities.withUnsafeMutableBufferPointer { probabilities in
                try outcomes.withUnsafeMutableBufferPointer { outcomes in
                    try session.classify(
                        texts, into: probabilities, outcomes: outcomes.baseAddress, isExpired: { _ in false })
                }
            }
        }
        var row = 0
        for request in requests {
            let columns = (row * classes)..<((row + 1) * classes)
            let outcome = row < outcomes.count ? outcomes[row] : []
            if case .text = request.content { row += 1 }
            let reply = try encode(request, outcome, row: probabilities[columns])
            try output.writeLine(replies.bytes(in: reply))
        }
        lines.removeAll(keepingCapacity: true)
        bytes.reset()
        decoder.reset()
    }

    /// Encodes the reply to the next line; `row` gives its probabilities if it has a sentence.
    private mutating func encode(
        _ request: DecodedRequest, _ outcome: SentenceOutcome, row: @autoclosure () -> ArraySlice<Float>
    ) throws -> Range<Int> {
        number += 1
        id.reset()
        replies.reset()
        let id = id.bytes(in: id.append(decimal: number))
        switch request.content {
        case .failure(let code, let message):
            return encoder.encodeError(id: id, code: code, message: message, into: replies)
        case .text:
            let stage: Stage? = !hasEncoder ? nil : outcome.contains(.byEncoder) ? .encoder : .linear
            let reply = row().withUnsafeBufferPointer {
                encoder.encode(id: id, probabilities: $0, stage: stage, into: replies)
            }
            guard let reply else {
                throw CommandFailure.internalError("line \(number): the model gave no probabilities")
            }
            return reply
        }
    }
}
