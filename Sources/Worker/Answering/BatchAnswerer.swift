package import Classification
package import Messages

/// Turns requests into answers: decodes all, sets aside the invalid and expired ones, classifies the rest in a few
/// calls, encodes.
///
/// Independent of Kafka. Owned by one lane's thread. Once warm, it allocates nothing per request, except for invalid
/// ones.
package final class BatchAnswerer {
    private let settings: ReplySettings
    private let format: ReplyFormat
    private let isEverUnsure: Bool
    /// Whether it matters how a result came about.
    private var needsOutcomes: Bool
    private var hasEncoder = false
    private let hasHeaders: Bool
    private let replyTopics: ReplyTopics
    /// The registry's schema id of each topic whose replies are Avro.
    private let schemaIDs: [Int32?]
    private var encoder: ReplyEncoder
    private var session: any ClassifierSession
    private var classCount: Int
    /// The topic of each class.
    private var topics: [Int] = []

    /// The sentences to classify, densely packed, and the index of each one's answer.
    private var sentences: [UnsafeRawBufferPointer] = []
    private var owners: [Int] = []
    /// The value of each one's request, if replies repeat it.
    private var values: [RequestValue] = []
    private var probabilities: [Float] = []
    /// How the result of each came about, if that matters.
    private var outcomes: [SentenceOutcome] = []
    private var hasDeadlines = false

    /// More bytes than this are classified in several calls, so that deadlines are checked in between.
    private static let bytesPerCall = 64 * 1024

    /// - Parameter schemaIDs: the registry's schema id of each topic whose replies are Avro, by the topic's index.
    package init(
        classifier: any Classifier, replyTopics: ReplyTopics, settings: ReplySettings = ReplySettings(),
        schemaIDs: [Int: Int32] = [:]
    ) throws(ClassifierError) {
        self.settings = settings
        format = settings.format
        isEverUnsure = settings.unsureBelow != nil
        needsOutcomes = isEverUnsure
        hasHeaders = !settings.headers.isEmpty
        self.replyTopics = replyTopics
        self.schemaIDs = replyTopics.names.indices.map { schemaIDs[$0] }
        encoder = ReplyEncoder(model: "", labels: [])
        session = try classifier.makeSession()
        classCount = 0
        adopt(classifier.model)
    }

    /// Switches to another model, starting with the next batch.
    package func use(_ classifier: any Classifier) throws(ClassifierError) {
        session = try classifier.makeSession()
        adopt(classifier.model)
    }

    private func adopt(_ model: ModelDescription) {
        encoder = ReplyEncoder(
            model: model.identifier, labels: model.labels, unsure: settings.rule(for: model), top: settings.top,
            field: settings.enrichField)
        classCount = model.labels.count
        hasEncoder = model.hasEncoder
        needsOutcomes = isEverUnsure || hasEncoder
        topics = settings.routes.isEmpty ? [] : replyTopics.topics(of: model.labels)
    }

    /// Starts a batch. The previous one must be finished.
    package func begin() {
        sentences.removeAll(keepingCapacity: true)
        owners.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        hasDeadlines = false
    }

    /// Decodes one request and adds its answer to the batch. Its bytes are borrowed while the batch is in use.
    ///
    /// - Parameter plan: what is known already of a request that is read again after its reply could not be delivered.
    package func add(
        to batch: Batch, headers: borrowing RequestHeaders, value: UnsafeRawBufferPointer?, source: RecordSource,
        timestamp: Int64, plan: DeliveryPlan? = nil
    ) {
        let request = batch.decoder.decode(value: value, headers: headers)
        var answer = Answer(source: source)
        answer.echoed = headers.echoed
        answer.id = request.id
        answer.isCloudEvent = request.isCloudEvent
        answer.deadline = request.deadline
        answer.timestamp = timestamp
        if let plan { answer.plan = plan }
        let index = batch.answers.count
        let topic = replyTopics.index(of: headers.replyTopic)
        answer.topic = topic ?? 0
        answer.isDirected = headers.replyTopic != nil && topic != nil
        if !answer.isDirected, replyTopics.errors == nil { answer.plan.sendNoErrorReply() }
        if answer.plan.failure != nil {
            batch.failed.append(index)
        } else if topic == nil {
            answer.plan.fail(
                Answer.Failure(.replyTopicNotAllowed, "the reply topic is not on the worker's allow-list"))
            batch.failed.append(index)
        } else {
            switch request.content {
            case .text(let sentence):
                sentences.append(sentence)
                owners.append(index)
                if let value = request.value { values.append(value) }
                if request.deadline != nil { hasDeadlines = true }
            case .failure(let code, let message):
                answer.plan.fail(Answer.Failure(code, message))
                batch.failed.append(index)
            }
        }
        batch.add(answer)
    }

    /// Adds a placeholder for a record that no longer belongs to this worker: nothing is sent for it.
    package func skip(in batch: Batch, source: RecordSource) {
        var answer = Answer(source: source)
        answer.plan = .nothing
        batch.skippedCount += 1
        batch.add(answer)
    }

    /// Classifies the added requests and writes all values into the batch's arena.
    ///
    /// - Parameter now: reads the clock, Unix milliseconds: right before each call to the classifier.
    package func finish(_ batch: Batch, now: () -> Int64) {
        var start = 0
        while start < sentences.count {
            var end = start
            var bytes = 0
            repeat {
                bytes += sentences[end].count
                end += 1
            } while end < sentences.count && bytes < Self.bytesPerCall
            let time = hasDeadlines || format == .flat ? now() : 0
            let alive = hasDeadlines ? setExpiredAside(start..<end, of: batch, now: time) : start..<end
            classify(alive, of: batch, now: time, clock: now)
            start = end
        }
        for index in batch.failed {
            guard let failure = batch.answers[index].plan.failure, batch.answers[index].plan.reply != .none else {
                continue
            }
            batch.answers[index].value = encoder.encodeError(
                id: batch.answers[index].id, source: batch.answers[index].source, code: failure.code,
                message: failure.message, into: batch.arena)
        }
    }

    /// A small error reply of bounded size, for a request whose reply cannot be delivered.
    package func encodeSmallError(
        _ failure: Answer.Failure, source: RecordSource, into arena: ByteArena
    ) -> Range<Int> {
        encoder.encodeError(id: nil, source: source, code: failure.code, message: failure.message, into: arena)
    }

    /// Moves the unexpired sentences to the front and returns their range.
    private func setExpiredAside(_ range: Range<Int>, of batch: Batch, now: Int64) -> Range<Int> {
        var kept = range.lowerBound
        for index in range {
            let owner = owners[index]
            if let deadline = batch.answers[owner].deadline, deadline < now {
                expired(owner, of: batch)
            } else {
                sentences[kept] = sentences[index]
                owners[kept] = owner
                if !values.isEmpty { values[kept] = values[index] }
                kept += 1
            }
        }
        return range.lowerBound..<kept
    }

    private func classify(_ range: Range<Int>, of batch: Batch, now: Int64, clock: () -> Int64) {
        guard !range.isEmpty else { return }
        let needed = range.count * classCount
        if probabilities.count < needed {
            probabilities.append(contentsOf: repeatElement(0, count: needed - probabilities.count))
        }
        if needsOutcomes, outcomes.count < range.count {
            outcomes.append(contentsOf: repeatElement([], count: range.count - outcomes.count))
        }
        let succeeded = score(range, of: batch, clock: clock)
        guard succeeded else { return classifyOneByOne(range, of: batch, now: now, clock: clock) }
        encode(range, of: batch, now: now)
    }

    /// A batch failed, most likely because of one sentence. The others are classified on their own.
    private func classifyOneByOne(_ range: Range<Int>, of batch: Batch, now: Int64, clock: () -> Int64) {
        for index in range {
            let succeeded = score(index..<index + 1, of: batch, clock: clock)
            if succeeded { encode(index..<index + 1, of: batch, now: now) } else { failed(index, of: batch) }
        }
    }

    /// One call to the classifier; row 0 is the first sentence of the range.
    private func score(_ range: Range<Int>, of batch: Batch, clock: () -> Int64) -> Bool {
        let start = ContinuousClock.now
        defer {
            batch.classifying += ContinuousClock.now - start
            if hasEncoder { batch.encoderTime += session.encoderTime }
        }
        return sentences.withUnsafeBufferPointer { sentences in
            probabilities.withUnsafeMutableBufferPointer { probabilities in
                let sentences = UnsafeBufferPointer(rebasing: sentences[range])
                let rows = UnsafeMutableBufferPointer(rebasing: probabilities[..<(range.count * classCount)])
                do throws(ClassifierError) {
                    try outcomes.withUnsafeMutableBufferPointer { outcomes throws(ClassifierError) in
                        try session.classify(
                            sentences, into: rows, outcomes: needsOutcomes ? outcomes.baseAddress : nil
                        ) { index in
                            guard hasDeadlines, let deadline = batch.answers[owners[range.lowerBound + index]].deadline
                            else { return false }
                            return deadline < clock()
                        }
                    }
                    return true
                } catch {
                    return false
                }
            }
        }
    }

    private func encode(_ range: Range<Int>, of batch: Batch, now: Int64) {
        probabilities.withUnsafeBufferPointer { probabilities in
            for (row, index) in range.enumerated() {
                let outcome = needsOutcomes ? outcomes[row] : []
                guard !outcome.contains(.expired) else {
                    expired(owners[index], of: batch)
                    continue
                }
                let stage: Stage? =
                    !hasEncoder ? nil : outcome.contains(.byEncoder) ? .encoder : .linear
                let row = UnsafeBufferPointer(rebasing: probabilities[row * classCount..<(row + 1) * classCount])
                guard let decision = encoder.decide(row, isKnown: !outcome.contains(.unknown), stage: stage) else {
                    failed(index, of: batch)
                    continue
                }
                if stage == .encoder { batch.encoderCount += 1 }
                if decision.isUnsure { batch.unsureCount += 1 }
                encode(decision, row, index, of: batch, now: now)
            }
        }
    }

    /// Writes one reply: to a topic that the request names, in full; else in the chosen format, to the topic of its label.
    private func encode(
        _ decision: Decision, _ row: UnsafeBufferPointer<Float>, _ index: Int, of batch: Batch, now: Int64
    ) {
        let owner = owners[index]
        let (id, source) = (batch.answers[owner].id, batch.answers[owner].source)
        let isDirected = batch.answers[owner].isDirected
        if !isDirected, !topics.isEmpty {
            batch.answers[owner].topic = decision.isUnsure ? replyTopics.unsure : topics[decision.best]
        }
        if hasHeaders {
            batch.setNote(encoder.encodeLabel(decision, into: batch.arena), of: owner)
        }
        let arena = batch.arena
        switch isDirected ? .full : format {
        case .full:
            batch.answers[owner].value = encoder.encode(
                decision, id: id, source: source, probabilities: row, isWhole: isDirected, into: arena)
        case .flat:
            if let schema = schemaIDs[batch.answers[owner].topic] {
                batch.answers[owner].value = encoder.encodeFlatAvro(
                    decision, schema: schema, hasBest: isEverUnsure, id: id, source: source, now: now,
                    into: arena)
            } else {
                batch.answers[owner].value = encoder.encodeFlat(
                    decision, id: id, source: source, now: now, into: arena)
            }
        case .enriched:
            batch.answers[owner].value = encoder.encodeEnriched(
                decision, values[index], probabilities: row, into: arena)
        }
    }

    private func expired(_ owner: Int, of batch: Batch) {
        fail(
            owner, of: batch, .deadlineExceeded, "the deadline had passed before the request could be classified")
    }

    private func failed(_ index: Int, of batch: Batch) {
        fail(owners[index], of: batch, .classifierFailed, "the classifier failed on this sentence")
    }

    private func fail(_ index: Int, of batch: Batch, _ code: ErrorCode, _ message: String) {
        batch.answers[index].plan.fail(Answer.Failure(code, message))
        batch.failed.append(index)
    }
}
