package import Classification
package import Messages

/// Turns requests into answers: decodes all, sets aside the invalid and expired ones, classifies the rest in a few
/// calls, encodes.
///
/// Independent of Kafka. Owned by one lane's thread. Once warm, it allocates nothing per request, except for invalid
/// ones.
package final class BatchAnswerer {
    private let replyTopics: ReplyTopics
    private var encoder: ReplyEncoder
    private var session: any ClassifierSession
    private var classCount: Int

    /// The sentences to classify, densely packed, and the index of each one's answer.
    private var sentences: [UnsafeRawBufferPointer] = []
    private var owners: [Int] = []
    private var probabilities: [Float] = []
    private var hasDeadlines = false

    /// More bytes than this are classified in several calls, so that deadlines are checked in between.
    private static let bytesPerCall = 64 * 1024

    package init(classifier: any Classifier, replyTopics: ReplyTopics) throws(ClassifierError) {
        self.replyTopics = replyTopics
        encoder = ReplyEncoder(model: classifier.model.identifier, labels: classifier.model.labels)
        session = try classifier.makeSession()
        classCount = classifier.model.labels.count
    }

    /// Switches to another model, starting with the next batch.
    package func use(_ classifier: any Classifier) throws(ClassifierError) {
        session = try classifier.makeSession()
        encoder = ReplyEncoder(model: classifier.model.identifier, labels: classifier.model.labels)
        classCount = classifier.model.labels.count
    }

    /// Starts a batch. The previous one must be finished.
    package func begin() {
        sentences.removeAll(keepingCapacity: true)
        owners.removeAll(keepingCapacity: true)
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
        if answer.plan.failure != nil {
            batch.failed.append(index)
        } else if topic == nil {
            answer.plan.failure = Answer.Failure(
                .replyTopicNotAllowed, "the reply topic is not on the worker's allow-list")
            batch.failed.append(index)
        } else {
            switch request.content {
            case .text(let sentence):
                sentences.append(sentence)
                owners.append(index)
                if request.deadline != nil { hasDeadlines = true }
            case .failure(let code, let message):
                answer.plan.failure = Answer.Failure(code, message)
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
            let alive = hasDeadlines ? setExpiredAside(start..<end, of: batch, now: now()) : start..<end
            classify(alive, of: batch)
            start = end
        }
        for index in batch.failed {
            guard let failure = batch.answers[index].plan.failure else { continue }
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
                fail(
                    owner, of: batch, .deadlineExceeded,
                    "the deadline had passed before the request could be classified")
            } else {
                sentences[kept] = sentences[index]
                owners[kept] = owner
                kept += 1
            }
        }
        return range.lowerBound..<kept
    }

    private func classify(_ range: Range<Int>, of batch: Batch) {
        guard !range.isEmpty else { return }
        let needed = range.count * classCount
        if probabilities.count < needed {
            probabilities.append(contentsOf: repeatElement(0, count: needed - probabilities.count))
        }
        let start = ContinuousClock.now
        let succeeded = score(range)
        batch.classifying += ContinuousClock.now - start
        guard succeeded else { return classifyOneByOne(range, of: batch) }
        encode(range, of: batch)
    }

    /// A batch failed, most likely because of one sentence. The others are classified on their own.
    private func classifyOneByOne(_ range: Range<Int>, of batch: Batch) {
        for index in range {
            let start = ContinuousClock.now
            let succeeded = score(index..<index + 1)
            batch.classifying += ContinuousClock.now - start
            if succeeded { encode(index..<index + 1, of: batch) } else { failed(index, of: batch) }
        }
    }

    /// One call to the classifier; row 0 is the first sentence of the range.
    private func score(_ range: Range<Int>) -> Bool {
        sentences.withUnsafeBufferPointer { sentences in
            probabilities.withUnsafeMutableBufferPointer { probabilities in
                do throws(ClassifierError) {
                    try session.classify(
                        UnsafeBufferPointer(rebasing: sentences[range]),
                        into: UnsafeMutableBufferPointer(rebasing: probabilities[..<(range.count * classCount)]))
                    return true
                } catch {
                    return false
                }
            }
        }
    }

    private func encode(_ range: Range<Int>, of batch: Batch) {
        probabilities.withUnsafeBufferPointer { probabilities in
            for (row, index) in range.enumerated() {
                let owner = owners[index]
                let row = UnsafeBufferPointer(
                    rebasing: probabilities[row * classCount..<(row + 1) * classCount])
                if let value = encoder.encode(
                    id: batch.answers[owner].id, source: batch.answers[owner].source, probabilities: row,
                    into: batch.arena)
                {
                    batch.answers[owner].value = value
                } else {
                    failed(index, of: batch)
                }
            }
        }
    }

    private func failed(_ index: Int, of batch: Batch) {
        fail(owners[index], of: batch, .classifierFailed, "the classifier failed on this sentence")
    }

    private func fail(_ index: Int, of batch: Batch, _ code: ErrorCode, _ message: String) {
        batch.answers[index].plan.failure = Answer.Failure(code, message)
        batch.failed.append(index)
    }
}

/// The allow-list of reply topics, the default first.
package struct ReplyTopics: Sendable {
    package let names: [String]
    private let bytes: [[UInt8]]

    package init(_ names: [String]) {
        self.names = names
        bytes = names.map { Array($0.utf8) }
    }

    /// The index of the topic that a request names, or of the default if it names none; `nil` if it is not allowed.
    package func index(of name: UnsafeRawBufferPointer?) -> Int? {
        guard let name else { return 0 }
        // Few names: comparing beats hashing.
        return bytes.firstIndex { known in known.withUnsafeBytes { $0.equals(name) } }
    }
}
