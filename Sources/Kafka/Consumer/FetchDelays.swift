import CRdKafka
import Synchronization

/// How much of the time a consumer's brokers were late with an answer.
///
/// A fetch asks the broker to answer within `fetch.wait.max.ms`, and one is under way at any time. What it takes beyond that
/// is the way to the broker and back, and a stall, of the broker, of the network or for want of a processor, that every
/// record felt which came meanwhile. The least that was seen is taken for the way. It is measured by this machine's clock
/// alone, unlike the age of a record.
///
/// Written by librdkafka's threads, read from any.
public final class FetchDelays: Sendable {
    /// Of the fetches answered in a span of time.
    public struct Reading: Sendable, Hashable {
        /// How long they took, all together.
        public let total: Duration
        /// What of it was late.
        public let late: Duration

        /// The late part of the time, 0 to 1; 0 if nothing was fetched.
        public var lateFraction: Double { total > .zero ? late / total : 0 }

        package init(total: Duration, late: Duration) {
            self.total = total
            self.late = late
        }
    }

    /// By so much the way may grow from one reading to the next, in microseconds: what became longer for good is learnt.
    private static let drift: Int64 = 20

    private let wait: Int64
    private let tolerance: Int64
    private let total = Atomic<Int64>(0)
    private let late = Atomic<Int64>(0)
    private let way = Atomic<Int64>(.max / 2)

    /// - Parameters:
    ///   - wait: how long a fetch may take because nothing has come, in milliseconds.
    ///   - tolerance: how much later an answer may be and not count.
    package init(waitMilliseconds wait: Int64, tolerance: Duration) {
        self.wait = wait * 1_000
        self.tolerance = Int64(tolerance / .microseconds(1))
    }

    /// What was measured since the last call. To be called about once a second.
    public func take() -> Reading {
        way.add(Self.drift, ordering: .relaxed)
        return Reading(
            total: .microseconds(total.exchange(0, ordering: .relaxed)),
            late: .microseconds(late.exchange(0, ordering: .relaxed)))
    }

    /// A fetch was answered after so many microseconds.
    package func record(microseconds time: Int64) {
        total.add(time, ordering: .relaxed)
        // Less than the wait: a record came.
        guard time >= wait else { return }
        let way = way.min(time - wait, ordering: .relaxed).newValue
        let delay = time - wait - way
        if delay > tolerance { late.add(delay, ordering: .relaxed) }
    }

    /// Listens to the client that is made of the configuration; has to outlive it.
    func install(in configuration: OpaquePointer) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        // librdkafka takes listeners only while it makes the client.
        rd_kafka_conf_interceptor_add_on_new(
            configuration, "fetch delays",
            { client, _, context, _, _ in
                rd_kafka_interceptor_add_on_response_received(
                    client, "fetch delays",
                    { _, _, _, _, apiKey, _, _, _, roundTripTime, _, context in
                        // Without an answer the time is -1.
                        if apiKey == 1, roundTripTime >= 0, let context {
                            Unmanaged<FetchDelays>.fromOpaque(context).takeUnretainedValue()
                                .record(microseconds: roundTripTime)
                        }
                        return RD_KAFKA_RESP_ERR_NO_ERROR
                    }, context)
            }, context)
    }
}
