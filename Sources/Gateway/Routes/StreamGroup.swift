import NIOCore

/// Some consecutive lines of a stream, on their way.
struct StreamGroup: Sendable {
    /// One line: its id, and what is wrong with it, if it was not sent.
    struct Line: Sendable {
        let id: String
        let problem: GatewayError?
    }

    var lines: [Line] = []
    var sentences: [Sentence] = []
    /// What came of asking; set when the group is sent.
    var beginning: Result<Exchange.Beginning, GatewayError> = .success(
        .finished(CallResult(outcomes: [], sources: [])))

    var isEmpty: Bool { lines.isEmpty }

    mutating func add(_ asked: AskedSentence, number: Int) {
        let id = asked.id ?? String(number)
        switch asked.outcome {
        case .success(let sentence):
            lines.append(Line(id: id, problem: nil))
            sentences.append(sentence)
        case .failure(let error):
            lines.append(Line(id: id, problem: error))
        }
    }

    /// Waits for the answers and renders one line for each.
    func results(from exchange: Exchange) async -> ByteBuffer {
        var outcomes: [Outcome]
        switch beginning {
        case .success(.finished(let result)): outcomes = result.outcomes
        case .success(.waiting(let ticket)): outcomes = await exchange.result(of: ticket).outcomes
        case .failure(let error): outcomes = Array(repeating: .failure(error), count: sentences.count)
        }
        var output = ByteBuffer()
        output.reserveCapacity(lines.count * 256)
        var answers = outcomes.makeIterator()
        for line in lines {
            let outcome: Outcome = line.problem.map { .failure($0) } ?? answers.next() ?? .failure(.cancelled)
            output.writeResult(id: line.id, outcome)
            output.writeStaticString("\n")
        }
        return output
    }

    /// Gives up what was asked for.
    func cancel(in exchange: Exchange) {
        if case .success(.waiting(let ticket)) = beginning { exchange.cancel(ticket) }
    }
}
