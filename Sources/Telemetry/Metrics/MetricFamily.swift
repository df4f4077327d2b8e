/// The kind of a family, with Prometheus' names.
package enum MetricKind: String, Sendable {
    /// Only grows.
    case counter
    /// Goes up and down.
    case gauge
    /// Counts values by size.
    case histogram
}

/// A series' label names and values.
package typealias MetricLabels = [(name: String, value: String)]

/// The values of one series at a scrape.
enum SeriesReading {
    case number(Double)
    case integer(Int64)
    /// The count per bucket, not cumulative: values up to its bound and above the previous one; the last count is for
    /// values above all bounds.
    case distribution(bounds: [Double], counts: [UInt64], sum: Double)
}

/// A series that can be read at a scrape.
protocol MetricSeries: AnyObject, Sendable {
    func read() -> SeriesReading
}

/// All series of one name.
struct MetricFamily {
    var kind: MetricKind
    var help: String
    /// Upper bounds of a histogram's buckets; empty for the other kinds.
    var bounds: [Double]
    /// Keyed by the exposed labels, such as `lane="bulk",outcome="ok"`.
    var series: [String: any MetricSeries] = [:]
}

/// What the collectors add to one scrape.
package struct CollectedMetrics {
    struct Family {
        var kind: MetricKind
        var help: String
        /// Keyed by the exposed labels.
        var values: [String: Double] = [:]
    }

    var families: [String: Family] = [:]

    /// Adds a gauge. For duplicate labels, the first value counts.
    package mutating func gauge(_ name: String, help: String, labels: MetricLabels = [], _ value: Double) {
        add(name, .gauge, help: help, labels: labels, value)
    }

    /// Adds a counter, whose name ends in `_total`. For duplicate labels, the first value counts.
    package mutating func counter(_ name: String, help: String, labels: MetricLabels = [], _ value: Double) {
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

/// Names and labels that Prometheus accepts.
enum MetricNames {
    /// A metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`; other characters become `_`.
    static func metric(_ name: String) -> String { sanitized(name, allowsColon: true) }

    /// Labels as written between the braces, sorted by name: `lane="bulk",outcome="ok"`. For duplicate names, the last
    /// label counts. `le`, which histograms use, and names starting with two underscores, which Prometheus reserves,
    /// get a prefix.
    static func labels(_ labels: MetricLabels) -> String {
        var byName: [String: String] = [:]
        for (name, value) in labels {
            var name = sanitized(name, allowsColon: false)
            if name == "le" || name.hasPrefix("__") { name = "label_" + name }
            byName[name] = value
        }
        return byName.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value, quotes: true))\"" }
            .joined(separator: ",")
    }

    /// Escapes a label value or help text: backslashes, line feeds and, in values, quotes.
    static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || $0 == 0x22 }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\"" where quotes: result.append(contentsOf: "\\\"".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    private static func sanitized(_ name: String, allowsColon: Bool) -> String {
        var result = ""
        for scalar in name.unicodeScalars {
            let isDigit = "0"..."9" ~= scalar
            let isLetter = "a"..."z" ~= scalar || "A"..."Z" ~= scalar || scalar == "_" || (allowsColon && scalar == ":")
            if isDigit, result.isEmpty { result += "_" }
            result.unicodeScalars.append(isDigit || isLetter ? scalar : "_")
        }
        return result.isEmpty ? "_" : result
    }
}

/// Bounds of histogram buckets.
package enum HistogramBuckets {
    /// For durations from 100 µs to 10 s, in seconds.
    package static let seconds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// For the duration of a batch stage, from 1 µs to 1 s, in seconds.
    package static let stageSeconds: [Double] = [
        0.000001, 0.000005, 0.00001, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
        0.25, 1,
    ]
    /// For sentence counts, from 1 to 8,192 by powers of two.
    package static let counts: [Double] = (0...13).map { Double(1 << $0) }
    /// For sizes from 64 bytes to 16 MiB by powers of four.
    package static let bytes: [Double] = (3...12).map { Double(1 << (2 * $0)) }
}
