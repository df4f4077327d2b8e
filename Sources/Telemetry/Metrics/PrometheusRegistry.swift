import Synchronization

/// The metrics of a process, exposed as Prometheus reads them.
///
/// ```swift
/// let registry = PrometheusRegistry()
/// let sentences = registry.counter("triage_worker_sentences_total", help: "Sentences answered.", labels: [("lane",
/// "bulk")]) sentences.increment(by: 512) print(registry.exposition())
/// ```
///
/// Handles are made once and kept; making one again gives the same one. A lock is taken for that and for a scrape,
/// never to count. A family holds a bounded number of series: handles beyond it, and handles whose name already means
/// another kind of metric, count but are not exposed, and `triage_metrics_refused_series_total` says how many there
/// are.
package final class PrometheusRegistry: Sendable {
    /// Adds figures that are known only when asked for. Called at each scrape, on the thread that scrapes.
    package typealias Collector = @Sendable (_ readings: inout CollectedMetrics) -> Void

    private struct State {
        var families: [String: MetricFamily] = [:]
        var collectors: [Collector] = []
    }

    private let state = Mutex(State())
    private let refused = MetricCounter()
    private let maximumSeries: Int

    /// Makes a registry whose families hold at most so many series each.
    package init(maximumSeriesPerFamily: Int = 1000) {
        maximumSeries = maximumSeriesPerFamily
        state.withLock {
            $0.families["triage_metrics_refused_series_total"] = MetricFamily(
                kind: .counter, help: "Series not exposed, since their family is full or of another kind.", bounds: [],
                series: ["": refused])
        }
    }

    // MARK: Handles

    /// The counter of this name, which ends in `_total`, and these labels.
    package func counter(_ name: String, help: String, labels: MetricLabels = []) -> MetricCounter {
        handle(name, .counter, help: help, labels: labels) { _ in MetricCounter() }
    }

    /// The gauge of this name and these labels.
    package func gauge(_ name: String, help: String, labels: MetricLabels = []) -> MetricGauge {
        handle(name, .gauge, help: help, labels: labels) { _ in MetricGauge() }
    }

    /// The histogram of this name, which ends in its base unit, and these labels. The bounds of the buckets,
    /// ascending, are those that the first handle of this name gave.
    package func histogram(
        _ name: String, help: String, buckets: [Double] = HistogramBuckets.seconds, labels: MetricLabels = []
    ) -> MetricHistogram {
        handle(name, .histogram, help: help, bounds: buckets, labels: labels) { MetricHistogram(bounds: $0) }
    }

    /// Adds figures to every scrape from now on.
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

    /// The value of the header `Content-Type` that goes with ``exposition()``.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All metrics in Prometheus' text format 0.0.4, by name.
    package func exposition() -> String {
        // Collectors run without the lock, so that they may make handles, and first, so that those are in this scrape
        // already.
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
