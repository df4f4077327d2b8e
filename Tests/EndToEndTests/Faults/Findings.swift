import Foundation
import Testing

/// What an audit came to.
struct Findings {
    let requests: Int
    let answered: Int
    let lost: Int
    /// Places of requests that are lost, a few of them.
    let lostPlaces: [String]
    /// See ``ReplyAudit/skipped``.
    let skippedReplies: [String]
    let repeated: Int
    let misordered: Int
    let wrongIDs: Int
    let oddities: [String]
    let exitCodes: [Int32]

    var text: String {
        "\(requests) ids, \(answered) answered, \(lost) lost, \(repeated) repeated, \(misordered) out of order"
    }

    /// Expects what holds for every kind of delivery.
    func expectNothingLost(_ what: String = "", sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(requests > 0, "\(what)", sourceLocation: sourceLocation)
        #expect(
            lost == 0, "\(what) requests at \(lostPlaces); replies that the audit was not given: \(skippedReplies)",
            sourceLocation: sourceLocation)
        #expect(misordered == 0, "\(what)", sourceLocation: sourceLocation)
        #expect(wrongIDs == 0, "\(what)", sourceLocation: sourceLocation)
        #expect(oddities.isEmpty, "\(what) \(oddities)", sourceLocation: sourceLocation)
        #expect(exitCodes.allSatisfy { $0 == 0 }, "\(what) \(exitCodes)", sourceLocation: sourceLocation)
    }
}

extension ReplyAudit {
    /// Waits until every request of a load is answered (or the time is over), ends the workers, and reads to the end.
    func settle(_ load: RequestLoad, pool: WorkerPool, within limit: Duration) throws -> Findings {
        let places = try load.places(within: limit)
        let deadline = ContinuousClock.now + limit
        while answered < places.count, ContinuousClock.now < deadline {
            pool.look()
            pause(.milliseconds(20))
        }
        let exitCodes = try pool.stopAll()
        try catchUp()
        let ledger = ledger
        let (lost, lostPlaces, wrongIDs) = ledger.compare(with: places)
        return Findings(
            requests: places.count, answered: ledger.answered, lost: lost, lostPlaces: lostPlaces,
            skippedReplies: skipped, repeated: ledger.repeated, misordered: ledger.misordered, wrongIDs: wrongIDs,
            oddities: ledger.oddities, exitCodes: exitCodes)
    }
}
