/// What kind of metric a family is, by Prometheus' names.
public enum MetricKind: String, Sendable {
    /// Only grows.
    case counter
    /// Goes up and down.
    case gauge
    /// Counts values by how large they are.
    case histogram
}

/// Names and values of a series' labels.
public typealias MetricLabels = [(name: String, value: String)]

/// One series' figures at the time of a scrape.
enum SeriesReading {
    case number(Double)
    case integer(Int64)
    /// How many values were at most each upper bound, and more than the bound before; the last count is of those
    /// above all bounds.
    case distribution(bounds: [Double], counts: [UInt64], sum: Double)
}

/// Something that has figures when scraped.
protocol MetricSeries: AnyObject, Sendable {
    func read() -> SeriesReading
}

/// All series of one name.
struct MetricFamily {
    var kind: MetricKind
    var help: String
    /// Upper bounds of a histogram's buckets; empty for the other kinds.
    var bounds: [Double]
    /// By the labels as they are exposed, such as `lane="bulk",outcome="ok"`.
    var series: [String: any MetricSeries] = [:]
}
