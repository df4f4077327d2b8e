package import Classification
package import Messages

/// Turns requests into answers: decode all, set aside what is bad or expired, classify the rest in one call, encode.
///
/// Knows no Kafka. Owned by one lane's thread; allocates nothing for a request once warm, bad ones excepted.
package final class BatchAnswerer {
    /// One answer for each request of the batch, in its order.
    package private(set) var answers: [Answer] = []
    /// How long the batch's calls to the classifier took.
    package private(set) var classifying: Duration = .zero

    private let decoder: RequestDecoder
    private let secondDecoder: RequestDecoder
    private let replyTopics: ReplyTopics
    private var encoder: ReplyEncoder
    private var session: any ClassifierSession
    private var classCount: Int

    /// The sentences to classify, dense, and the index of each one's answer.
    private var sentences: [UnsafeRawBufferPointer] = []
    private var owners: [Int] = []
    private var probabilities: [Float] = []
    private var hasDeadlines = false

    /// Sentences of more bytes than this are classified in several calls, so that deadlines are looked at in between.
    private static let bytesPerCall = 64 * 1024

    package init(classifier: any Classifier, replyTopics: ReplyTopics, maximumTextBytes: Int) throws(ClassifierError) {
        self.replyTopics = replyTopics
        decoder = RequestDecoder(maximumTextBytes: maximumTextBytes)
        secondDecoder = RequestDecoder(maximumTextBytes: maximumTextBytes)
        encoder = ReplyEncoder(model: classifier.model.identifier, labels: classifier.model.labels)
        session = try classifier.makeSession()
        classCount = classifier.model.labels.count
    }

    /// Uses another model from the next batch on.
    package func use(_ classifier: any Classifier) throws(ClassifierError) {
        session = try classifier.makeSession()
        encoder = ReplyEncoder(model: classifier.model.identifier, labels: classifier.model.labels)
        classCount = classifier.model.labels.count
    }

    /// Starts a batch. What the last one's answers borrowed is given up.
    package func begin() {
        answers.removeAll(keepingCapacity: true)
        sentences.removeAll(keepingCapacity: true)
        owners.removeAll(keepingCapacity: true)
        decoder.reset()
        classifying = .zero
        hasDeadlines = false
    }

    /// Decodes one request. Its bytes are borrowed until the batch is sent.
    package func add(
        headers: RequestHeaders, value: UnsafeRawBufferPointer?, source: RecordSource, timestamp: Int64,
        plan: DeliveryPlan? = nil
    ) {
        var answer = describe(headers: headers, value: value, source: source, timestamp: timestamp, with: decoder)
        if let plan, plan.failure != nil { answer.failure = plan.failure }
        answer.isSmall = plan?.reply == .small
        if answer.failure == nil, case .text(let sentence) = answer.request.content {
            sentences.append(sentence)
            owners.append(answers.count)
            if answer.request.deadline != nil { hasDeadlines = true }
        }
        answers.append(answer)
    }

    /// What can be said of a request without classifying it: for one that was answered before, and not delivered.
    /// Borrows from the record, and from this object until the next call.
    package func describe(
        headers: RequestHeaders, value: UnsafeRawBufferPointer?, source: RecordSource, timestamp: Int64
    ) -> Answer {
        secondDecoder.reset()
        return describe(headers: headers, value: value, source: source, timestamp: timestamp, with: secondDecoder)
    }

    private func describe(
        headers: RequestHeaders, value: UnsafeRawBufferPointer?, source: RecordSource, timestamp: Int64,
        with decoder: RequestDecoder
    ) -> Answer {
        let request = decoder.decode(value: value, headers: headers)
        var answer = Answer(headers: headers, request: request, source: source, timestamp: timestamp)
        if let topic = replyTopics.index(of: headers.replyTopic) {
            answer.topic = topic
        } else {
            answer.failure = Answer.Failure(.replyTopicNotAllowed, "the reply topic is not on the worker's allow-list")
        }
        if answer.failure == nil, case .failure(let code, let message) = request.content {
            answer.failure = Answer.Failure(code, message)
        }
        return answer
    }

    /// Classifies what was added and writes all values into the arena.
    ///
    /// - Parameter now: reads the clock, Unix milliseconds: right before each call to the classifier.
    package func finish(into arena: ByteArena, now: () -> Int64) {
        var start = 0
        while start < sentences.count {
            var end = start
            var bytes = 0
            repeat {
                bytes += sentences[end].count
                end += 1
            } while end < sentences.count && bytes < Self.bytesPerCall
            let alive = hasDeadlines ? setExpiredAside(start..<end, now: now()) : start..<end
            classify(alive, into: arena)
            start = end
        }
        for index in answers.indices {
            guard let failure = answers[index].failure else { continue }
            answers[index].value = encoder.encodeError(
                id: answers[index].isSmall ? nil : answers[index].request.id, source: answers[index].source,
                code: failure.code,
                message: failure.message, into: arena)
        }
    }

    /// Lends an answer, without copying it.
    func withAnswer<Failure: Error>(
        _ index: Int, _ body: (borrowing Answer) throws(Failure) -> Void
    ) throws(Failure) {
        try answers.withUnsafeBufferPointer { answers throws(Failure) in try body(answers[index]) }
    }

    /// A small error reply, whatever the request was: for one whose reply cannot be delivered.
    package func encodeSmallError(
        _ failure: Answer.Failure, source: RecordSource, into arena: ByteArena
    ) -> Range<Int> {
        encoder.encodeError(id: nil, source: source, code: failure.code, message: failure.message, into: arena)
    }

    /// Moves those that somebody still waits for to the front, and returns where they are.
    private func setExpiredAside(_ range: Range<Int>, now: Int64) -> Range<Int> {
        var kept = range.lowerBound
        for index in range {
            let owner = owners[index]
            if answers[owner].request.isExpired(at: now) {
                answers[owner].failure = Answer.Failure(
                    .deadlineExceeded, "the deadline had passed before the request could be classified")
            } else {
                sentences[kept] = sentences[index]
                owners[kept] = owner
                kept += 1
            }
        }
        return range.lowerBound..<kept
    }

    private func classify(_ range: Range<Int>, into arena: ByteArena) {
        guard !range.isEmpty else { return }
        let needed = range.count * classCount
        if probabilities.count < needed {
            probabilities.append(contentsOf: repeatElement(0, count: needed - probabilities.count))
        }
        let start = ContinuousClock.now
        let succeeded = score(range)
        classifying += ContinuousClock.now - start
        guard succeeded else { return classifyOneByOne(range, into: arena) }
        encode(range, into: arena)
    }

    /// A batch failed: most likely because of one of its sentences, and the others shall not suffer for it.
    private func classifyOneByOne(_ range: Range<Int>, into arena: ByteArena) {
        for index in range {
            let start = ContinuousClock.now
            let succeeded = score(index..<index + 1)
            classifying += ContinuousClock.now - start
            if succeeded { encode(index..<index + 1, into: arena) } else { fail(index) }
        }
    }

    /// One call to the classifier; the rows are those of the range, from 0.
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

    private func encode(_ range: Range<Int>, into arena: ByteArena) {
        probabilities.withUnsafeBufferPointer { probabilities in
            for (row, index) in range.enumerated() {
                let owner = owners[index]
                let row = UnsafeBufferPointer(
                    rebasing: probabilities[row * classCount..<(row + 1) * classCount])
                if let value = encoder.encode(
                    id: answers[owner].request.id, source: answers[owner].source, probabilities: row, into: arena)
                {
                    answers[owner].value = value
                } else {
                    fail(index)
                }
            }
        }
    }

    private func fail(_ index: Int) {
        answers[owners[index]].failure = Answer.Failure(
            .classifierFailed, "the classifier failed on this sentence")
    }
}
