import Synchronization
package import Telemetry

// All metrics of a gateway. Durations are in seconds.
//
// triage_gateway_requests_total{route,status}          counter    HTTP requests answered; `route` is the path in the
//                                                                 specification, `other` for unknown routes
// triage_gateway_request_duration_seconds{route}       histogram  from a request's head to the start of its response
// triage_gateway_reply_latency_seconds                 histogram  from sending a sentence to its reply
// triage_gateway_waiting_sentences                     gauge      sentences waiting for an answer
// triage_gateway_pending_records                       gauge      records in flight: the size of the pending table
// triage_gateway_cached_answers                        gauge      answers in the cache
// triage_gateway_cache_hits_total                      counter    sentences answered from the cache
// triage_gateway_cache_misses_total                    counter    sentences sent to the workers
// triage_gateway_cache_coalesced_total                 counter    sentences joined to a record in flight
// triage_gateway_refused_sentences_total               counter    sentences refused with 429
// triage_gateway_expired_calls_total                   counter    calls that timed out
// triage_gateway_cancelled_calls_total                 counter    calls whose caller disconnected
// triage_gateway_undelivered_records_total             counter    records that did not reach the broker
// triage_gateway_unknown_replies_total                 counter    replies without a waiting caller
// triage_gateway_ready                                 gauge      1 if requests can be answered, otherwise 0
// triage_gateway_interactive_lag_records               gauge      unanswered records of the interactive lane, queried
//                                                                 every 10 s; absent while unknown
// triage_gateway_congested                             gauge      1 while the workers have fallen behind, otherwise 0

/// The gateway's metrics. Handles are created once, so that no request looks up a metric by name.
package final class GatewayMetrics: Sendable {
    /// The latency of each reply.
    package let replyLatency: MetricHistogram
    private let registry: PrometheusRegistry
    private let routes = Mutex<[String: RouteMetrics]>([:])

    package init(registry: PrometheusRegistry) {
        self.registry = registry
        self.replyLatency = registry.histogram(
            "triage_gateway_reply_latency_seconds", help: "Time from sending a sentence to its reply.")
    }

    /// The handles of one route, created at first use.
    package func route(_ path: String) -> RouteMetrics {
        routes.withLock { routes in
            if let known = routes[path] { return known }
            let made = RouteMetrics(path: path, registry: registry)
            routes[path] = made
            return made
        }
    }

    /// Exports the exchange's own counters, read at each scrape.
    package func watch(_ exchange: Exchange) {
        registry.addCollector { [weak exchange] metrics in
            guard let snapshot = exchange?.snapshot else { return }
            for gauge in Self.gauges {
                metrics.gauge("triage_gateway_\(gauge.name)", help: gauge.help, gauge.value(snapshot))
            }
            for counter in Self.counters {
                metrics.counter(
                    "triage_gateway_\(counter.name)_total", help: counter.help, Double(counter.value(snapshot.counts)))
            }
        }
    }

    /// Exports the lag of the workers.
    package func watch(_ lag: InteractiveLag) {
        registry.addCollector { metrics in
            guard let records = lag.records else { return }
            metrics.gauge(
                "triage_gateway_interactive_lag_records",
                help: "Records of the interactive lane that its workers have not answered.", Double(records))
        }
    }

    private typealias Gauge = (name: String, help: String, value: @Sendable (ExchangeSnapshot) -> Double)
    private typealias Counter = (name: String, help: String, value: @Sendable (ExchangeCounts) -> Int)

    private static let gauges: [Gauge] = [
        ("waiting_sentences", "Sentences that wait for an answer.", { Double($0.waiting) }),
        ("pending_records", "Records under way: the size of the pending table.", { Double($0.flights) }),
        ("cached_answers", "Answers in the cache.", { Double($0.cached) }),
        ("ready", "1 when requests can be answered, otherwise 0.", { $0.isAvailable ? 1 : 0 }),
        ("congested", "1 while the workers have fallen behind, otherwise 0.", { $0.isCongested ? 1 : 0 }),
    ]

    private static let counters: [Counter] = [
        ("cache_hits", "Sentences answered from the cache.", { $0.hits }),
        ("cache_misses", "Sentences sent to the workers.", { $0.misses }),
        ("cache_coalesced", "Sentences joined to a record under way.", { $0.coalesced }),
        ("refused_sentences", "Sentences turned away with 429.", { $0.refused }),
        ("expired_calls", "Calls that ended by their deadline.", { $0.expired }),
        ("cancelled_calls", "Calls whose caller hung up.", { $0.cancelled }),
        ("undelivered_records", "Records that did not reach the broker.", { $0.undelivered }),
        ("unknown_replies", "Replies that nobody waits for.", { $0.unknownReplies }),
    ]
}

/// The handles of one route.
package final class RouteMetrics: Sendable {
    private let path: String
    private let registry: PrometheusRegistry
    private let duration: MetricHistogram
    private let requests = Mutex<[Int: MetricCounter]>([:])

    init(path: String, registry: PrometheusRegistry) {
        self.path = path
        self.registry = registry
        self.duration = registry.histogram(
            "triage_gateway_request_duration_seconds", help: "Time from a request's head to its response.",
            labels: [("route", path)])
    }

    /// Records an answered request.
    func record(status: Int, nanoseconds: UInt64) {
        let counter = requests.withLock { requests in
            if let known = requests[status] { return known }
            let made = registry.counter(
                "triage_gateway_requests_total", help: "HTTP requests answered.",
                labels: [("route", path), ("status", String(status))])
            requests[status] = made
            return made
        }
        counter.increment()
        duration.observe(Double(nanoseconds) / 1e9)
    }
}
