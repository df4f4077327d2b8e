package import Gateway
import Messages
import Synchronization

/// Stands in for Kafka and the workers: what is sent is kept, and answered at once unless a test wants to do that itself.
package final class InMemoryWorkers: RequestTransport, BulkTransport {
    package struct State {
        package var exchange: Exchange?
        package var requests: [OutgoingRequest] = []
        package var bulk: [BulkRecord] = []
        /// Nil answers nothing.
        package var answer: (@Sendable (OutgoingRequest) -> ReceivedReply?)?
        package var refusal: GatewayError?
    }

    private let state: Mutex<State>

    package init(answer: (@Sendable (OutgoingRequest) -> ReceivedReply?)? = { .classification(of: $0) }) {
        state = Mutex(State(answer: answer))
    }

    /// Where replies go.
    package func serve(_ exchange: Exchange) {
        state.withLock { $0.exchange = exchange }
    }

    package func answer(by answer: (@Sendable (OutgoingRequest) -> ReceivedReply?)?) {
        state.withLock { $0.answer = answer }
    }

    /// Makes every further record fail to be sent.
    package func refuse(with error: GatewayError?) {
        state.withLock { $0.refusal = error }
    }

    package var requests: [OutgoingRequest] { state.withLock { $0.requests } }
    package var bulkRecords: [BulkRecord] { state.withLock { $0.bulk } }

    package func send(_ requests: [OutgoingRequest]) -> [(token: Flight.Token, error: GatewayError)] {
        let (exchange, answer, refusal) = state.withLock { state in
            state.requests += requests
            return (state.exchange, state.answer, state.refusal)
        }
        if let refusal { return requests.map { ($0.token, refusal) } }
        guard let answer else { return [] }
        exchange?.receive(requests.compactMap(answer))
        return []
    }

    package func publish(_ records: [BulkRecord], deadline: Deadline) async throws(GatewayError) {
        let refusal = state.withLock { state in
            state.bulk += records
            return state.refusal
        }
        if let refusal { throw refusal }
    }
}

extension ReceivedReply {
    package static let model = ModelInformation(
        identifier: "intents@0123456789ab", labels: ["find-train", "irrelevant"])

    /// What a worker would answer: everything is about trains.
    package static func classification(of request: OutgoingRequest, model: ModelInformation = model) -> ReceivedReply {
        classification(of: request, "find-train", #"{"find-train":0.900000,"irrelevant":0.100000}"#, model: model)
    }

    /// What a worker with this model would answer.
    package static func classification(
        of request: OutgoingRequest, _ label: String, _ probabilities: String, model: ModelInformation
    ) -> ReceivedReply {
        let decoder = ReplyDecoder()
        let answer = probabilities.utf8.withBytes { probabilities in
            label.utf8.withBytes { label in
                let confidence = try? decoder.forEachProbability(in: probabilities) { _, _ in }
                return Answer(
                    label: label, confidence: confidence ?? StaticString("0").bytes, probabilities: probabilities,
                    model: model.identifier,
                    timing: "queue;dur=1.5, classify;dur=0.02")
            }
        }
        return ReceivedReply(correlationID: request.correlationID, outcome: .success(answer), model: model)
    }

    package static func failure(of request: OutgoingRequest, _ code: ProblemCode) -> ReceivedReply {
        ReceivedReply(
            correlationID: request.correlationID, outcome: .failure(GatewayError(code, "as the test wants it")),
            model: nil)
    }
}

extension String.UTF8View {
    fileprivate func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Array(self).withUnsafeBytes(body)
    }
}
