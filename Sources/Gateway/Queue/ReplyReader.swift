import Kafka
import Messages

/// Decodes records of the reply topic. Not thread-safe.
final class ReplyReader {
    private let decoder = ReplyDecoder()
    /// The most recent models, so that replies share their names and classes.
    private var models: [ModelInformation] = []

    /// The record's reply; nil if it has no valid correlation id.
    func reply(in record: ConsumedRecord) -> ReceivedReply? {
        var id: CorrelationID?
        var status: UnsafeRawBufferPointer?
        var timing: String?
        record.forEachHeader { name, value in
            guard let value else { return }
            if name.equals(HeaderName.correlationID) {
                id = CorrelationID(value)
            } else if name.equals(HeaderName.status) {
                status = value
            } else if name.equals(HeaderName.timing) {
                timing = ServerTiming.worker(value)
            }
        }
        guard let id else { return nil }
        return reply(to: id, value: record.value, status: status, timing: timing)
    }

    func reply(
        to id: CorrelationID, value: UnsafeRawBufferPointer?, status: UnsafeRawBufferPointer?, timing: String?
    ) -> ReceivedReply {
        defer { decoder.reset() }
        let reply = decoder.decode(value: value, status: status)
        switch reply.content {
        case .classification(let label, let identifier, let probabilities):
            guard let (model, confidence) = model(identifier, probabilities) else { return malformed(id) }
            let answer = Answer(
                label: label, best: reply.best, confidence: confidence, probabilities: probabilities,
                model: model.identifier, stage: reply.stage.flatMap(Stage.init), timing: timing)
            return ReceivedReply(correlationID: id, outcome: .success(answer), model: model)
        case .failure(let code, _, let message):
            let known = code.flatMap { ProblemCode(rawValue: $0.rawValue) } ?? .classifierFailed
            let detail = message.isEmpty ? known.title : message.text
            return ReceivedReply(
                correlationID: id, outcome: .failure(GatewayError(known, detail)), model: nil)
        case .malformed:
            return malformed(id)
        }
    }

    private func malformed(_ id: CorrelationID) -> ReceivedReply {
        ReceivedReply(
            correlationID: id, outcome: .failure(GatewayError(.classifierFailed, "the reply cannot be read")),
            model: nil)
    }

    /// The model that a reply names, and the largest probability as it is written; nil if the probabilities are invalid.
    private func model(
        _ identifier: UnsafeRawBufferPointer, _ probabilities: UnsafeRawBufferPointer
    ) -> (ModelInformation, confidence: UnsafeRawBufferPointer)? {
        let known = models.first { $0.identifier.utf8.elementsEqual(identifier) }
        var labels: [String] = []
        var areProbabilities = true
        let confidence: UnsafeRawBufferPointer?
        do {
            confidence = try decoder.forEachProbability(in: probabilities) { label, probability in
                if known == nil { labels.append(label.text) }
                // A number such as 1e999 is valid JSON but infinite.
                if !(0...1.001 ~= probability) { areProbabilities = false }
            }
        } catch {
            return nil
        }
        guard areProbabilities, let confidence else { return nil }
        if let known { return (known, confidence) }
        let model = ModelInformation(identifier: identifier.text, labels: labels)
        if models.count == 8 { models.removeFirst() }
        models.append(model)
        return (model, confidence)
    }
}
