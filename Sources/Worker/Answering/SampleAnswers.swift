import Classification
package import Logging
import Messages
import Platform

/// What a worker with these settings would make of sample values, without a broker.
package struct SampleAnswers {
    /// What would come of one value.
    package struct Outcome: Sendable {
        /// The sentence; nil if there is none.
        package var text: String?
        /// The request's own id; nil if it has none.
        package var id: String?
        /// Why there is no classification; nil if there is one.
        package var failure: Answer.Failure?
        /// The topic of the reply; nil if there would be none.
        package var topic: String?
        /// The reply's value. Of one that would be Avro the same in JSON.
        package var reply: [UInt8] = []
        /// Whether the value would also be a dead letter.
        package var isDeadLetter = false
    }

    private let configuration: WorkerConfiguration
    private let source: ModelSource

    /// - Throws: ``WorkerConfigurationError``.
    package init(configuration: WorkerConfiguration, modelFile: String) throws {
        try configuration.validate()
        self.configuration = configuration
        var source = ModelSource.file(modelFile, encoder: configuration.encoder)
        source.check = { [replies = configuration.replies] in try replies.check($0) }
        self.source = source
    }

    /// The outcomes, in the order of the values. Asks the schema registry, if there is one.
    ///
    /// - Throws: what loading the model throws, or ``WorkerError`` if the registry does not answer.
    package func outcomes(of values: [[UInt8]], logger: Logger) async throws -> [Outcome] {
        let schemas = SchemaTable()
        let format = configuration.requestFormat
        let ids = Set(values.compactMap { $0.withUnsafeBytes { format.schemaID(of: $0, contentType: { nil }) } })
        if let settings = configuration.registry, !ids.isEmpty {
            let deadline = ContinuousClock.now + configuration.startTimeout
            let found = try await SchemaRegistry.with(settings, logger: logger) { registry in
                try await registry.check(until: deadline)
                var found: [UInt32: WriterSchema] = [:]
                for id in ids { found[id] = try await registry.schema(id, until: deadline) }
                return found
            }
            for (id, schema) in found { schemas[id] = schema }
        }
        let classifier = try source.loadTried()
        for finding in configuration.replies.findings(on: classifier.model) { logger.warning("\(finding)") }
        return try outcomes(of: values, schemas: configuration.registry.map { _ in schemas }, by: classifier)
    }

    private func outcomes(
        of values: [[UInt8]], schemas: SchemaTable?, by classifier: any Classifier
    ) throws -> [Outcome] {
        let topics = ReplyTopics(configuration.replyTopics, settings: configuration.replies)
        let answerer = try BatchAnswerer(
            classifier: classifier, replyTopics: topics, settings: configuration.replies)
        let batch = Batch(slot: 0, format: configuration.requestFormat, schemas: schemas)
        let name = Array(configuration.topics.requests.utf8)
        return name.withUnsafeBytes { topic in
            values.enumerated().map { index, value in
                value.withUnsafeBytes { value in
                    defer { batch.reset() }
                    let headers = RequestHeaders()
                    let request = batch.decoder.decode(value: value, headers: headers)
                    var outcome = Outcome(id: request.id?.text)
                    if case .text(let text) = request.content { outcome.text = text.text }
                    answerer.begin()
                    answerer.add(
                        to: batch, headers: headers, value: value,
                        source: RecordSource(topic: topic, partition: 0, offset: Int64(index)), timestamp: -1)
                    answerer.finish(batch, now: { UnixTime.milliseconds })
                    let answer = batch.answers[0]
                    outcome.failure = answer.plan.failure
                    outcome.isDeadLetter = answer.plan.hasDeadLetter
                    if answer.plan.reply != .none {
                        outcome.topic = topics.names[topics.index(of: answer)]
                        outcome.reply = Array(batch.arena.bytes(in: answer.value))
                    }
                    return outcome
                }
            }
        }
    }
}
