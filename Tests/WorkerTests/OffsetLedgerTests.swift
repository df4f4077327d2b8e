import Foundation
import TestSupport
import Testing
import Worker

@Suite("Offset ledger")
struct OffsetLedgerTests {
    @Test("moves only over a prefix of answered stretches")
    func contiguousPrefix() throws {
        var ledger = OffsetLedger()
        ledger.assign(3)
        let first = try require(ledger.begin(partition: 3, first: 10, end: 20))
        let second = try require(ledger.begin(partition: 3, first: 20, end: 25))
        let third = try require(ledger.begin(partition: 3, first: 40, end: 41))
        expect(ledger.complete(third), false)
        expect(ledger.complete(second), false)
        #expect(ledger.uncommitted().isEmpty)
        expect(ledger.complete(first), true)
        #expect(ledger.uncommitted() == [.init(partition: 3, offset: 41)])
        ledger.markCommitted(ledger.uncommitted())
        #expect(ledger.uncommitted().isEmpty)
    }

    @Test("commits nothing for a partition that was taken away, even when it comes back")
    func lateCompletion() throws {
        var ledger = OffsetLedger()
        ledger.assign(0)
        let before = try require(ledger.begin(partition: 0, first: 0, end: 5))
        ledger.release(0)
        expect(ledger.complete(before), false)
        expect(ledger.begin(partition: 0, first: 5, end: 6), nil)
        ledger.assign(0)
        _ = try require(ledger.begin(partition: 0, first: 2, end: 5))
        expect(ledger.complete(before), false)
        #expect(ledger.uncommitted().isEmpty)
        #expect(ledger.owned == [0])
    }

    @Test("rewinds to what is committed, and voids the claims given out")
    func rewinding() throws {
        var ledger = OffsetLedger()
        ledger.assign(1)
        ledger.assign(2)
        ledger.assign(4)
        let done = try require(ledger.begin(partition: 1, first: 7, end: 9))
        ledger.complete(done)
        ledger.markCommitted(ledger.uncommitted())
        let open = try require(ledger.begin(partition: 1, first: 9, end: 30))
        _ = ledger.begin(partition: 2, first: 100, end: 130)
        ledger.complete(open)
        expect(ledger.rewind(), [.init(partition: 1, offset: 9), .init(partition: 2, offset: 100)])
        ledger.complete(open)
        #expect(ledger.uncommitted().isEmpty)
        // What is read again counts from there, and a second rewind leads to the same place.
        _ = try require(ledger.begin(partition: 1, first: 9, end: 12))
        expect(ledger.rewind(), [.init(partition: 1, offset: 9), .init(partition: 2, offset: 100)])
    }

    @Test("says cheaply whether there is something to commit")
    func hasUncommitted() {
        var ledger = OffsetLedger()
        ledger.assign(0)
        var spans = BatchSpans()
        spans.add(partition: 0, offset: 4)
        spans.add(partition: 7, offset: 1)
        var claims: [OffsetLedger.Claim] = []
        ledger.begin(spans, claims: &claims)
        #expect(claims.map(\.partition) == [0])
        #expect(!ledger.hasUncommitted)
        ledger.complete(claims[0])
        #expect(ledger.hasUncommitted)
        ledger.markCommitted(ledger.uncommitted())
        #expect(!ledger.hasUncommitted)
        ledger.commitFailed()
        #expect(ledger.hasUncommitted)
    }

    @Test("knows only what is owned")
    func ownership() {
        var ledger = OffsetLedger()
        #expect(ledger.ownedCount == 0)
        ledger.assign(5)
        ledger.assign(-1)
        #expect(ledger.ownedCount == 1)
        ledger.release(5)
        ledger.release(5)
        #expect(ledger.ownedCount == 0)
    }

    /// The oracle keeps every single offset and whether it is answered; what may be committed is read off by looking.
    private struct Oracle {
        struct Ownership {
            var received: [(offset: Int64, claim: Int)] = []
            var committed: Int64?
        }
        var owned: [Int32: Ownership] = [:]
        var answered: Set<Int> = []

        func mayCommit(_ partition: Int32) -> Int64? {
            guard let ownership = owned[partition] else { return nil }
            var position: Int64?
            for record in ownership.received {
                guard answered.contains(record.claim) else { break }
                position = record.offset + 1
            }
            return position
        }
    }

    @Test("agrees with a naive oracle over random histories", arguments: 0..<20)
    func randomHistories(round: Int) {
        let seed =
            ProcessInfo.processInfo.environment["TRIAGE_TEST_SEED"].flatMap(UInt64.init)
            ?? UInt64.random(in: 0..<1_000_000)
        print("offset ledger: seed \(seed) round \(round)")
        var random = SeededGenerator(seed: seed &+ UInt64(round))
        var ledger = OffsetLedger()
        var oracle = Oracle()
        var claims: [(id: Int, claim: OffsetLedger.Claim)] = []
        var next: [Int32: Int64] = [:]
        var lastID = 0
        for step in 0..<2_000 {
            let partition = Int32.random(in: 0..<4, using: &random)
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<6:
                ledger.assign(partition)
                oracle.owned[partition] = Oracle.Ownership()
            case 6..<10:
                ledger.release(partition)
                oracle.owned[partition] = nil
            case 10..<50:
                let first = next[partition, default: 0] + Int64.random(in: 0..<3, using: &random)
                let count = Int64.random(in: 1..<5, using: &random)
                let claim = ledger.begin(partition: partition, first: first, end: first + count)
                #expect((claim != nil) == (oracle.owned[partition] != nil))
                guard let claim else { continue }
                lastID += 1
                claims.append((lastID, claim))
                next[partition] = first + count
                if oracle.owned[partition]?.committed == nil { oracle.owned[partition]?.committed = first }
                for offset in first..<first + count {
                    oracle.owned[partition]?.received.append((offset, lastID))
                }
            case 50..<90:
                guard let index = claims.indices.randomElement(using: &random) else { continue }
                let (id, claim) = claims.remove(at: index)
                ledger.complete(claim)
                oracle.answered.insert(id)
                if Bool.random(using: &random) { ledger.complete(claim) }
            case 90..<97:
                let positions = ledger.uncommitted()
                ledger.markCommitted(positions)
                for position in positions { oracle.owned[position.partition]?.committed = position.offset }
            default:
                let targets = ledger.rewind()
                let expected = oracle.owned.compactMap { partition, ownership in
                    ownership.committed.map { OffsetLedger.Position(partition: partition, offset: $0) }
                }
                #expect(Set(targets) == Set(expected), "seed \(seed) round \(round) step \(step)")
                for (partition, ownership) in oracle.owned {
                    oracle.owned[partition]?.received = []
                    if let committed = ownership.committed { next[partition] = committed }
                }
            }
            for partition in Int32(0)..<4 {
                let offered = ledger.uncommitted(among: [partition]).first?.offset
                let allowed = oracle.mayCommit(partition)
                let expected = allowed == oracle.owned[partition]?.committed ? nil : allowed
                guard offered == expected else {
                    Issue.record(
                        "seed \(seed) round \(round) step \(step): offered \(offered ?? -1), expected \(expected ?? -1)"
                    )
                    return
                }
            }
        }
    }
}
