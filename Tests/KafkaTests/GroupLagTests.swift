import Kafka
import Testing

@Suite("Lag of a group")
struct GroupLagTests {
    private func lag(_ partition: Int32 = 0, committed: Int64?, low: Int64 = 0, high: Int64) -> GroupLag {
        GroupLag(
            partition: TopicPartition(topic: "t", partition: partition), committed: committed, low: low, high: high)
    }

    @Test("what waits lies between the position and the end, as far as the broker still has it")
    func records() {
        #expect(lag(committed: 3, high: 10).records == 7)
        #expect(lag(committed: nil, high: 10).records == 10)
        // Deleted before anybody read it.
        #expect(lag(committed: 3, low: 8, high: 10).records == 2)
        #expect(lag(committed: nil, low: 8, high: 10).records == 2)
        // Made again, and smaller: the group begins anew.
        #expect(lag(committed: 30, high: 10).records == 10)
    }

    @Test("the time to catch up is what waits at the pace of late")
    func pace() {
        let earlier = [lag(0, committed: 100, high: 500), lag(1, committed: 0, high: 50)]
        let now = [lag(0, committed: 140, high: 540), lag(1, committed: 10, high: 60)]
        #expect(GroupLag.secondsToCatchUp(now[..<1], since: earlier, .seconds(2)) == 20)
        #expect(GroupLag.secondsToCatchUp(now[1...], since: earlier, .seconds(2)) == 10)
        #expect(GroupLag.secondsToCatchUp(now, since: earlier, .seconds(2)) == 18)
    }

    @Test("nothing that waits takes no time; what waits and does not move has none")
    func extremes() {
        let done = [lag(committed: 10, high: 10)]
        let waiting = [lag(committed: 3, high: 10)]
        #expect(GroupLag.secondsToCatchUp(done, since: done, .seconds(2)) == 0)
        #expect(GroupLag.secondsToCatchUp(waiting, since: waiting, .seconds(2)) == nil)
        #expect(GroupLag.secondsToCatchUp(waiting, since: [], .seconds(2)) == nil)
        // Nobody works; the broker deletes.
        let deleted = [lag(committed: 3, low: 8, high: 10)]
        #expect(GroupLag.secondsToCatchUp(deleted, since: [lag(committed: 3, low: 5, high: 10)], .seconds(2)) == nil)
        // The first commit counts from where the group began.
        #expect(GroupLag.secondsToCatchUp(waiting, since: [lag(committed: nil, high: 10)], .seconds(3)) == 7)
    }
}
