/// What the collectors add to one scrape.
public struct CollectedMetrics {
    struct Family {
        var kind: MetricKind
        var help: String
        /// By the labels as they are exposed.
        var values: [String: Double] = [:]
    }

    var families: [String: Family] = [:]

    /// Adds a gauge's figure. Of several for the same labels the first counts.
    public mutating func gauge(_ name: String, help: String, labels: MetricLabels = [], _ value: Double) {
        add(name, .gauge, help: help, labels: labels, value)
    }

    /// Adds what a counter, whose name ends in `_total`, stands at. Of several for the same labels the first counts.
    public mutating func counter(_ name: String, help: String, labels: MetricLabels = [], _ value: Double) {
        add(name, .counter, help: help, labels: labels, value)
    }

    private mutating func add(
        _ name: String, _ kind: MetricKind, help: String, labels: MetricLabels, _ value: Double
    ) {
        let name = MetricNames.metric(name)
        let key = MetricNames.labels(labels)
        var family = families[name] ?? Family(kind: kind, help: help)
        guard family.kind == kind, family.values[key] == nil else { return }
        family.values[key] = value
        families[name] = family
    }
}
