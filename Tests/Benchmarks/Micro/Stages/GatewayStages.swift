import Gateway
import Messages
import Platform

/// What the gateway does with a sentence besides HTTP: the table of pending requests and the cache of answers.
struct GatewayStages {
    /// Requests in the table at a time.
    private static let underWay = 10_000
    /// Replies that arrive together.
    private static let batch = 250

    private let sentences: [Sentence]
    private let answer: Answer
    private let model: ModelInformation

    init(_ corpus: Corpus, labels: [String]) {
        sentences = corpus.sentences.map { Sentence(Array($0)) }
        model = ModelInformation(identifier: "benchmark@000000000000", labels: labels)
        let probabilities = labels.map { "\"\($0)\":0.125000" }.joined(separator: ",")
        answer = Answer(
            label: Corpus.keep(labels[0].utf8), confidence: Corpus.keep("0.125000".utf8),
            probabilities: Corpus.keep("{\(probabilities)}".utf8),
            model: model.identifier, timing: nil)
    }

    func measure(_ stopwatch: Stopwatch) -> [Stopwatch.Reading] {
        var empty = ResultCache(capacity: 0, timeToLive: .seconds(300))
        var full = ResultCache(capacity: 10_000, timeToLive: .seconds(300))
        for sentence in sentences.prefix(10_000) { full.insert(answer, for: sentence, now: .now) }
        let cached = Array(sentences.prefix(10_000))
        return [
            stopwatch.measure("pending table: send and answer, 10,000 under way", count: Self.underWay) {
                sendAndAnswer(&empty)
            },
            stopwatch.measure("cache: hit", count: cached.count) { hit(cached, &full) },
            stopwatch.measure("cache: miss, insert, evict", count: sentences.count) { missAndInsert(&full) },
        ]
    }

    /// Fills the table and empties it again.
    private func sendAndAnswer(_ cache: inout ResultCache) -> Int {
        var state = ExchangeState(
            admission: Admission(limit: Self.underWay, patience: .seconds(60)), cache: cache)
        state.availability = .available
        let deadline = Deadline(in: .seconds(5))
        var waiting: [(call: Call.Token, id: CorrelationID)] = []
        waiting.reserveCapacity(Self.underWay)
        for number in 0..<Self.underWay {
            let sentence = sentences[number % sentences.count]
            let beginning = state.begin([sentence], deadline: deadline, usesCache: false, trace: nil, now: .now)
            if case .waiting(let call, let requests) = beginning { waiting.append((call, requests[0].correlationID)) }
        }
        for start in stride(from: 0, to: waiting.count, by: Self.batch) {
            let some = waiting[start..<min(start + Self.batch, waiting.count)]
            var actions = ExchangeState.Actions()
            let replies = some.map { ReceivedReply(correlationID: $0.id, outcome: .success(answer), model: model) }
            state.receive(replies, now: .now, &actions)
            for (call, _) in some { state.cancel(call, &actions) }
        }
        return state.counts.misses
    }

    private func hit(_ cached: [Sentence], _ cache: inout ResultCache) -> Int {
        var hits = 0
        for sentence in cached where cache.answer(to: sentence, now: .now) != nil { hits += 1 }
        return hits
    }

    private func missAndInsert(_ cache: inout ResultCache) -> Int {
        for sentence in sentences where cache.answer(to: sentence, now: .now) == nil {
            cache.insert(answer, for: sentence, now: .now)
        }
        return cache.count
    }
}
