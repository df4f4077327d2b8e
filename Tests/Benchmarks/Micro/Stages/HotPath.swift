import Classification
import Messages

/// All that a worker does with a sentence between fetch and send: decode, classify, encode, in batches of 500.
struct HotPath {
    private let requests: [UnsafeRawBufferPointer]
    private let classifier: any Classifier

    init(_ corpus: Corpus, _ classifier: any Classifier) {
        requests = RecordStages.requests(of: corpus)
        self.classifier = classifier
    }

    func measure(_ stopwatch: Stopwatch) throws -> Stopwatch.Reading {
        let session = try classifier.makeSession()
        let classes = classifier.model.labels.count
        let batch = 500
        let decoder = RequestDecoder()
        let encoder = ReplyEncoder(model: classifier.model.identifier, labels: classifier.model.labels)
        let arena = ByteArena()
        let matrix = UnsafeMutableBufferPointer<Float>.allocate(capacity: batch * classes)
        let texts = UnsafeMutableBufferPointer<UnsafeRawBufferPointer>.allocate(capacity: batch)
        let decoded = UnsafeMutableBufferPointer<DecodedRequest>.allocate(capacity: batch)
        defer {
            matrix.deallocate()
            texts.deallocate()
            decoded.deallocate()
        }
        let topic = ("sentences" as StaticString).raw

        return try stopwatch.measure("whole hot path: decode, classify, encode", count: requests.count) {
            var bytes = 0
            for start in stride(from: 0, to: requests.count, by: batch) {
                decoder.reset()
                arena.reset()
                var count = 0
                for number in start..<min(start + batch, requests.count) {
                    let request = decoder.decode(value: requests[number], headers: RequestHeaders())
                    guard case .text(let text) = request.content else { continue }
                    texts.initializeElement(at: count, to: text)
                    decoded.initializeElement(at: count, to: request)
                    count += 1
                }
                try session.classify(
                    UnsafeBufferPointer(rebasing: texts[..<count]),
                    into: UnsafeMutableBufferPointer(rebasing: matrix[..<(count * classes)]))
                for number in 0..<count {
                    let row = UnsafeBufferPointer(rebasing: matrix[(number * classes)..<((number + 1) * classes)])
                    let source = RecordSource(topic: topic, partition: 0, offset: Int64(start + number))
                    bytes +=
                        encoder.encode(id: decoded[number].id, source: source, probabilities: row, into: arena)?.count
                        ?? 0
                }
                decoded[..<count].deinitialize()
            }
            return bytes
        }
    }
}
