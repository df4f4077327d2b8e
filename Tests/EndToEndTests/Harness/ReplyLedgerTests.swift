import Testing

/// The books must notice what they are kept for.
@Suite("Reply ledger") struct ReplyLedgerTests {
    private static let places = {
        var places = RequestLoad.Places(partitions: 2)
        for number in 0..<6 { places.put(Int32(number), partition: number % 2, offset: number / 2) }
        return places
    }()

    private func ledger(_ replies: [(number: Int, id: Int)], key: String? = nil) -> ReplyLedger {
        var ledger = ReplyLedger(partitions: 2)
        for (number, id) in replies {
            withBytes(key.map { Array($0.utf8) }) { key in
                ledger.add(partition: number % 2, offset: number / 2, id: Int32(id), status: "ok", key: key)
            }
        }
        return ledger
    }

    @Test("every request answered once is clean") func everyRequestAnsweredOnceIsClean() {
        let ledger = ledger((0..<6).map { ($0, $0) })
        #expect(ledger.compare(with: Self.places) == (0, [], 0))
        #expect(ledger.answered == 6 && ledger.repeated == 0 && ledger.oddities.isEmpty)
    }

    @Test("a lost request, a repeated answer and a wrong id are counted") func aLostRequestARepeatedAnswerAndAWrong() {
        let ledger = ledger([(0, 0), (1, 1), (2, 2), (2, 2), (3, 0), (5, 5)])
        #expect(ledger.compare(with: Self.places) == (lost: 1, lostPlaces: ["0/2"], wrongIDs: 1))
        #expect(ledger.answered == 5 && ledger.repeated == 1)
    }

    @Test("a request at an unknown place is looked for by its id") func aRequestAtAnUnknownPlaceIsLooked() {
        var places = Self.places
        places.put(6, partition: 0, offset: -1)
        var ledger = ledger((0..<6).map { ($0, $0) })
        #expect(ledger.compare(with: places) == (lost: 1, lostPlaces: [], wrongIDs: 0))
        ledger.add(partition: 0, offset: 3, id: 6, status: "ok", key: nil)
        #expect(ledger.compare(with: places) == (0, [], 0))
    }

    @Test("two answers with different ids are odd") func twoAnswersWithDifferentIdsAreOdd() {
        #expect(ledger([(0, 0), (0, 4)]).oddities.count == 1)
    }

    @Test("an answer before that to an earlier request of its key is out of order, a repeated one is not")
    func anAnswerBeforeThatToAnEarlierRequest() {
        #expect(ledger([(0, 0), (4, 4), (2, 2)], key: "k").misordered == 1)
        #expect(ledger([(0, 0), (2, 2), (0, 0), (2, 2), (4, 4)], key: "k").misordered == 0)
        #expect(ledger([(0, 0), (4, 4), (2, 2)]).misordered == 0)
    }

    @Test("the answered prefix ends at the first gap") func theAnsweredPrefixEndsAtTheFirstGap() {
        var ledger = ledger([(0, 0), (4, 4), (1, 1)])
        #expect(ledger.answeredPrefix(of: 0) == 1 && ledger.answeredPrefix(of: 1) == 1)
        ledger.add(partition: 0, offset: 1, id: 2, status: "ok", key: nil)
        #expect(ledger.answeredPrefix(of: 0) == 3)
    }
}
