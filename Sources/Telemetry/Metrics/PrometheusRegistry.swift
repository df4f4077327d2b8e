import Synchronization

/// The metrics of a process, exposed in Prometheus format.
///
/// ```swift
/// let registry = PrometheusRegistry()
/// let sentences = registry.counter("triage_worker_sentences_total", help: "Sentences answered.", labels: [("lane",
/// "bulk")]) sentences.increment(by: 512) print(registry.exposition())
/// ```
///
/// Handles are created once and kept; asking again returns the same one. Only that and a scrape take a lock, never
/// counting. A family has a limited number of series. Handles beyond the limit, or whose name is already another kind
/// of metric, count but are not exposed; `triage_metrics_refused_series_total` counts them.
package final class PrometheusRegistry: Sendable {
    /// Adds values that are computed on demand. Called at each scrape, on the scraping thread.
    package typealias Collector = @Sendable (_ readings: inout CollectedMetrics) -> Void

    private struct State {
        var families: [String: MetricFamily] = [:]
        var collectors: [Collector] = []
    }

    private let state = Mutex(State())
    private let refused = MetricCounter()
    private let maximumSeries: Int

    /// Creates a registry whose families hold at most this many series each.
    package init(maximumSeriesPerFamily: Int = 1000) {
        maximumSeries = maximumSeriesPerFamily
        state.withLock {
            $0.families["triage_metrics_refused_series_total"] = MetricFamily(
                kind: .counter, help: "Series not exposed, since their family is full or of another kind.", bounds: [],
                series: ["": refused])
        }
    }

    // MARK: Handles

    /// The counter with this name, which ends in `_total`, and these labels.
    package func counter(_ name: String, help: String, labels: MetricLabels = []) -> MetricCounter {
        handle(name, .counter, help: help, labels: labels) { _ in MetricCounter() }
    }

    /// The gauge with this name and these labels.
    package func gauge(_ name: String, help: String, labels: MetricLabels = []) -> MetricGauge {
        handle(name, .gauge, help: help, labels: labels) { _ in MetricGauge() }
    }

    /// The histogram with this name, which ends in its base unit, and these labels. The first handle of a name sets the
    /// bucket bounds, ascending.
    package func histogram(
        _ name: String, help: String, buckets: [Double] = HistogramBuckets.seconds, labels: MetricLabels = []
    ) -> MetricHistogram {
        handle(name, .histogram, help: help, bounds: buckets, labels: labels) { MetricHistogram(bounds: $0) }
    }

    /// Adds values to every scrape from now on.
    package func addCollector(_ collector: @escaping Collector) {
        state.withLock { $0.collectors.append(collector) }
    }

    func handle<Handle: MetricSeries>(
        _ name: String, _ kind: MetricKind, help: String, bounds: [Double] = [], labels: MetricLabels,
        make: ([Double]) -> Handle
    ) -> Handle {
        let name = MetricNames.metric(name)
        let key = MetricNames.labels(labels)
        return state.withLock { state in
            var family = state.families[name] ?? MetricFamily(kind: kind, help: help, bounds: Self.ascending(bounds))
            if let existing = family.series[key] as? Handle { return existing }
            let made = make(family.kind == kind ? family.bounds : Self.ascending(bounds))
            guard family.kind == kind, family.series[key] == nil, family.series.count < maximumSeries else {
                refused.increment()
                return made
            }
            if family.help.isEmpty { family.help = help }
            family.series[key] = made
            state.families[name] = family
            return made
        }
    }

    private static func ascending(_ bounds: [Double]) -> [Double] {
        Array(Set(bounds.filter(\.isFinite))).sorted()
    }

    // MARK: Exposition

    /// The `Content-Type` of ``exposition()``.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All metrics in Prometheus' text format 0.0.4, by name.
    package func exposition() -> String {
        // Collectors run first and without the lock: they may create handles, which are then in this scrape already.
        let collectors = state.withLock { $0.collectors }
        var collected = CollectedMetrics()
        for collector in collectors { collector(&collected) }
        let families = state.withLock { $0.families }
        var writer = ExpositionWriter()
        for name in Set(families.keys).union(collected.families.keys).sorted() {
            writer.write(name: name, registered: families[name], collected: collected.families[name])
        }
        return writer.text
    }
}
