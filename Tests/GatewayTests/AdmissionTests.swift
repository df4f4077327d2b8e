import Gateway
import Platform
import Testing

@Suite("Admission")
struct AdmissionTests {
    private func time(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 0).advanced(by: .milliseconds(milliseconds))
    }

    private func admits(_ count: Int, _ admission: inout Admission, at milliseconds: Int64) -> Bool {
        admission.admit(count, now: time(milliseconds))
    }

    @Test("counts sentences and not requests") func countsSentencesAndNotRequests() {
        var admission = Admission(limit: 10, patience: .seconds(1))
        #expect(admits(8, &admission, at: 0))
        #expect(!admits(3, &admission, at: 0))
        #expect(admits(2, &admission, at: 0))
        #expect(!admits(1, &admission, at: 0))
        admission.release(1)
        #expect(admits(1, &admission, at: 0))
        #expect(admission.waiting == 10)
    }

    @Test("refuses when even the quickest reply is slow") func refusesWhenEvenTheQuickestReplyIsSlow() {
        var admission = Admission(limit: 10, patience: .milliseconds(100))
        admission.observe(latency: 150_000_000, now: time(0))
        admission.observe(latency: 900_000_000, now: time(10))
        #expect(admits(1, &admission, at: 20), "no verdict before the interval has passed")
        #expect(!admits(1, &admission, at: 300))
        #expect(admission.isCongested(at: time(300)))
    }

    @Test("is not troubled by one slow reply") func isNotTroubledByOneSlowReply() {
        var admission = Admission(limit: 10, patience: .milliseconds(100))
        admission.observe(latency: 900_000_000, now: time(0))
        admission.observe(latency: 5_000_000, now: time(10))
        #expect(admits(1, &admission, at: 300))
    }

    @Test("refuses nobody when there are no replies") func refusesNobodyWhenThereAreNoReplies() {
        var admission = Admission(limit: 10, patience: .milliseconds(100))
        #expect(admits(1, &admission, at: 0))
        #expect(admits(1, &admission, at: 300))
        #expect(admits(1, &admission, at: 60_000))
    }

    /// The replies of an interval refuse those who come in the next one; nobody else, and no metric shows it longer.
    @Test("forgets a verdict") func forgetsAVerdict() {
        for milliseconds in [500, 1_000, 3_600_000] as [Int64] {
            var admission = Admission(limit: 10, patience: .milliseconds(100))
            admission.observe(latency: 150_000_000, now: time(0))
            #expect(admits(1, &admission, at: milliseconds), "the first call after a slow reply")
            #expect(!admission.isCongested(at: time(milliseconds)))
        }
        var admission = Admission(limit: 10, patience: .milliseconds(100))
        admission.observe(latency: 150_000_000, now: time(0))
        #expect(!admits(1, &admission, at: 499))
        #expect(!admission.isCongested(at: time(500)), "without a call that would look again")
        #expect(admits(1, &admission, at: 500))
    }

    @Test("stays firm while replies stay slow") func staysFirmWhileRepliesStaySlow() {
        var admission = Admission(limit: 10, patience: .milliseconds(100))
        for milliseconds in stride(from: Int64(0), to: 5_000, by: 10) {
            admission.observe(latency: 150_000_000, now: time(milliseconds))
            #expect(admits(1, &admission, at: milliseconds) == (milliseconds < 250))
            if milliseconds < 250 { admission.release(1) }
        }
    }

    @Test("admits again when the queue has drained") func admitsAgainWhenTheQueueHasDrained() {
        var admission = Admission(limit: 10, patience: .milliseconds(100))
        admission.observe(latency: 150_000_000, now: time(0))
        #expect(!admits(1, &admission, at: 300))
        admission.observe(latency: 50_000_000, now: time(310))
        #expect(admits(1, &admission, at: 600))
    }
}
