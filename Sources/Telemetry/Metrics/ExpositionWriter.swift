/// Writes Prometheus' text format 0.0.4.
struct ExpositionWriter {
    private(set) var text = ""

    /// Writes one family: its registered series and those collected under the same name, if of the same kind.
    mutating func write(name: String, registered: MetricFamily?, collected: CollectedMetrics.Family?) {
        guard let kind = registered?.kind ?? collected?.kind else { return }
        var readings: [String: SeriesReading] = [:]
        if let collected, collected.kind == kind { readings = collected.values.mapValues { .number($0) } }
        for (labels, series) in registered?.series ?? [:] { readings[labels] = series.read() }
        guard !readings.isEmpty else { return }
        let help = registered?.help ?? collected?.help ?? ""
        if !help.isEmpty { text += "# HELP \(name) \(MetricNames.escaped(help, quotes: false))\n" }
        text += "# TYPE \(name) \(kind.rawValue)\n"
        for (labels, reading) in readings.sorted(by: { $0.key < $1.key }) {
            switch reading {
            case .integer(let value):
                line(name, labels, String(value))
            case .number(let value):
                line(name, labels, Self.number(value))
            case .distribution(let bounds, let counts, let sum):
                distribution(name, labels, bounds: bounds, counts: counts, sum: sum)
            }
        }
    }

    private mutating func distribution(
        _ name: String, _ labels: String, bounds: [Double], counts: [UInt64], sum: Double
    ) {
        let prefix = labels.isEmpty ? "" : labels + ","
        var total: UInt64 = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
            line(name + "_bucket", "\(prefix)le=\"\(bound)\"", String(total))
        }
        line(name + "_sum", labels, Self.number(sum))
        line(name + "_count", labels, String(total))
    }

    private mutating func line(_ name: String, _ labels: String, _ value: String) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    /// A number in Prometheus format; whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(whole) < 1 << 53 { return String(whole) }
        return value.description
    }
}
