import Kafka

/// The bulk lane gives way: the interactive lane watches how late its brokers are, the bulk lane rests between batches.
extension Lane {
    /// Interactive lane: tells the bulk lane its share, once a second and as soon as somebody calls.
    func setPace(at now: ContinuousClock.Instant) {
        guard let delays = consumer.fetchDelays else { return }
        if hasCallers, bulkShare.isIdle {
            bulkShare.callersCame()
            // What the brokers were like before is nothing to go by.
            _ = delays.take()
        } else if now >= nextPace {
            bulkShare.observe(lateFraction: delays.take().lateFraction, hasCallers: hasCallers)
        } else {
            return
        }
        nextPace = now + .seconds(1)
        hasCallers = false
        control.pace.share = bulkShare.current
    }

    /// The most records of the next batch.
    var nextBatchRecords: Int {
        name == .bulk ? BulkShare.records(of: limit.records, share: control.pace.share) : limit.records
    }

    /// Bulk lane: rests after a batch that took so long.
    func rest(after work: Duration) {
        guard name == .bulk else { return }
        let share = control.pace.share
        if share < 1 { restsUntil = .now + BulkShare.rest(after: work, share: share) }
    }

    func endRest(at now: ContinuousClock.Instant) {
        if let end = restsUntil, now >= end { restsUntil = nil }
    }
}
