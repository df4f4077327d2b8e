import Classification
import Messages

/// Requests read and replies written, without classification.
struct RecordStages {
    private let requests: [UnsafeRawBufferPointer]
    private let escaped: [UnsafeRawBufferPointer]
    private let labels: [String]
    private let encoder: ReplyEncoder
    private let distribution: [Float]

    init(_ corpus: Corpus, _ model: ModelDescription) {
        requests = Self.requests(of: corpus)
        // The same with every letter beyond ASCII escaped, as many producers write JSON.
        escaped = requests.map { Corpus.keep(Self.escaped($0)) }
        labels = model.labels
        encoder = ReplyEncoder(model: model.identifier, labels: labels)
        // Different digits in every place, and a sum of 1.
        let weights = labels.indices.map { 1 / Float($0 + 3) }
        let sum = weights.reduce(0, +)
        distribution = weights.map { $0 / sum }
    }

    static func requests(of corpus: Corpus) -> [UnsafeRawBufferPointer] {
        let encoder = RequestEncoder()
        let arena = ByteArena()
        return corpus.sentences.enumerated().map { number, sentence in
            arena.reset()
            let id = Corpus.keep("s-\(number)".utf8)
            return Corpus.keep(arena.bytes(in: encoder.encode(text: sentence, id: id, into: arena)))
        }
    }

    private static func escaped(_ json: UnsafeRawBufferPointer) -> [UInt8] {
        String(decoding: json, as: UTF8.self).utf16.flatMap { unit in
            unit < 0x80 ? [UInt8(unit)] : Array(("\\u" + String(UInt32(unit) + 0x10000, radix: 16).dropFirst()).utf8)
        }
    }

    func measure(_ stopwatch: Stopwatch) -> [Stopwatch.Reading] {
        [
            stopwatch.measure("read four headers", count: requests.count) { readHeaders() },
            stopwatch.measure("decode a request", count: requests.count) { [decoder = RequestDecoder()] in
                decode(requests, decoder)
            },
            stopwatch.measure("decode a request with \\u escapes", count: escaped.count) {
                [decoder = RequestDecoder()] in
                decode(escaped, decoder)
            },
            stopwatch.measure("encode a reply", count: requests.count) { [arena = ByteArena()] in encode(arena) },
        ]
    }

    private func decode(_ values: [UnsafeRawBufferPointer], _ decoder: RequestDecoder) -> Int {
        let headers = RequestHeaders()
        var bytes = 0
        for (number, value) in values.enumerated() {
            if number % 500 == 0 { decoder.reset() }
            if case .text(let text) = decoder.decode(value: value, headers: headers).content { bytes += text.count }
        }
        return bytes
    }

    private func readHeaders() -> Int {
        let correlation = UnsafeRawBufferPointer(rebasing: requests[0][..<16])
        let partition = UnsafeRawBufferPointer(rebasing: requests[0][..<4])
        let names = (
            HeaderName.contentType.raw, HeaderName.correlationID.raw, HeaderName.replyTopic.raw,
            HeaderName.replyPartition.raw
        )
        let json = ("application/json" as StaticString).raw
        let topic = ("classifications.replies" as StaticString).raw
        var sum = 0
        for _ in requests {
            var headers = RequestHeaders()
            headers.add(name: names.0, value: json)
            headers.add(name: names.1, value: correlation)
            headers.add(name: names.2, value: topic)
            headers.add(name: names.3, value: partition)
            sum &+= Int(headers.echoed.replyPartition ?? 0)
        }
        return sum
    }

    private func encode(_ arena: ByteArena) -> Int {
        var bytes = 0
        let topic = ("sentences" as StaticString).raw
        distribution.withUnsafeBufferPointer { distribution in
            for number in requests.indices {
                if number % 500 == 0 { arena.reset() }
                let source = RecordSource(topic: topic, partition: 7, offset: Int64(number))
                let reply = encoder.encode(id: nil, source: source, probabilities: distribution, into: arena)
                bytes += reply?.count ?? 0
            }
        }
        return bytes
    }
}

extension StaticString {
    /// The bytes of a literal, which live as long as the program.
    var raw: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}
