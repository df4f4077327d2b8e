import Gateway
import Platform
import Testing

@Suite("Model tracker")
struct ModelTrackerTests {
    private let first = ModelInformation(identifier: "intents@000000000001", labels: ["a"])
    private let second = ModelInformation(identifier: "intents@000000000002", labels: ["a", "b"])

    private func time(_ seconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 0).advanced(by: .seconds(seconds))
    }

    @Test("reads name and version") func readsNameAndVersion() {
        #expect(first.name == "intents")
        #expect(first.version == "000000000001")
        #expect(ModelInformation(identifier: "bare", labels: []).version == "")
    }

    @Test("does not fall back while workers change over") func doesNotFallBackWhileWorkersChangeOver() {
        var tracker = ModelTracker()
        #expect(tracker.observe(first, now: time(0)) == .changed)
        #expect(tracker.observe(first, now: time(1)) == .current)
        #expect(tracker.observe(second, now: time(2)) == .changed)
        #expect(tracker.observe(first, now: time(3)) == .superseded)
        #expect(tracker.observe(second, now: time(4)) == .current)
        #expect(tracker.current == second)
    }

    @Test("returns to an earlier model when the current one is silent")
    func returnsToAnEarlierModelWhenTheCurrentOneIsSilent() {
        var tracker = ModelTracker()
        _ = tracker.observe(first, now: time(0))
        _ = tracker.observe(second, now: time(1))
        #expect(tracker.observe(first, now: time(5)) == .superseded)
        #expect(tracker.observe(first, now: time(12)) == .changed)
        #expect(tracker.current == first)
        #expect(tracker.observe(second, now: time(13)) == .superseded)
    }
}
