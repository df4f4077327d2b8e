public import CoreMetrics

/// What libraries measure through swift-metrics. Labels become Prometheus names: what is not allowed in them becomes
/// `_`, counters end in `_total`, and timers are histograms in `_seconds`.
extension PrometheusRegistry {
    /// Makes a counter.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(MetricNames.with(suffix: "_total", label), help: "", labels: Self.labels(dimensions))
    }

    /// Makes a counter of fractions.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        counter(MetricNames.with(suffix: "_total", label), help: "", labels: Self.labels(dimensions))
    }

    /// Makes a gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, help: "", labels: Self.labels(dimensions))
    }

    /// Makes a histogram, or a gauge if it is not to aggregate.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return gauge(label, help: "", labels: Self.labels(dimensions)) }
        return histogram(label, help: "", buckets: HistogramBuckets.counts, labels: Self.labels(dimensions))
    }

    /// Makes a histogram of seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(MetricNames.with(suffix: "_seconds", label), help: "", labels: Self.labels(dimensions))
    }

    /// Stops exposing the counter.
    public func destroyCounter(_ handler: any CounterHandler) { forget(handler) }

    /// Stops exposing the counter.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { forget(handler) }

    /// Stops exposing the gauge.
    public func destroyMeter(_ handler: any MeterHandler) { forget(handler) }

    /// Stops exposing the histogram or gauge.
    public func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }

    /// Stops exposing the histogram.
    public func destroyTimer(_ handler: any TimerHandler) { forget(handler) }

    private static func labels(_ dimensions: [(String, String)]) -> MetricLabels {
        dimensions.map { (name: $0.0, value: $0.1) }
    }
}
