/// Reads Prometheus' text format 0.0.4 strictly: what Prometheus itself would forgive is an error here.
struct Exposition {
    struct Family: Equatable {
        var kind = ""
        var help: String?
        /// By name and labels as read, such as `h_bucket{le="1"}` with its labels unescaped.
        var samples: [Sample] = []
    }

    struct Sample: Equatable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Problem: Error, CustomStringConvertible {
        var description: String
    }

    private(set) var families: [String: Family] = [:]

    init(_ text: String) throws {
        guard text.isEmpty || text.hasSuffix("\n") else { throw Problem(description: "the last line has no end") }
        var current = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") {
                let (name, help) = try Self.cut(line.dropFirst(7))
                try Self.require(families[name] == nil, "\(name) comes twice")
                families[name] = Family(help: try Self.unescaped(help, quotes: false))
                current = name
            } else if line.hasPrefix("# TYPE ") {
                let (name, kind) = try Self.cut(line.dropFirst(7))
                if name != current { try Self.require(families[name] == nil, "\(name) comes twice") }
                try Self.require(families[name, default: Family()].kind.isEmpty, "\(name) has two types")
                try Self.require(["counter", "gauge", "histogram"].contains(kind), "no such type: \(kind)")
                families[name, default: Family()].kind = kind
                current = name
            } else {
                let sample = try Self.sample(line)
                try Self.require(families[current].map { !$0.kind.isEmpty } == true, "a sample without a type: \(line)")
                try Self.require(
                    Self.names(of: current, families[current]!.kind).contains(sample.name), "out of place: \(line)")
                let isNew = !families[current]!.samples.contains {
                    $0.name == sample.name && $0.labels == sample.labels
                }
                try Self.require(isNew, "a series comes twice: \(line)")
                families[current]!.samples.append(sample)
            }
        }
        for (name, family) in families { try Self.check(name, family) }
    }

    /// The value of a series.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        families.values.lazy.flatMap(\.samples).first { $0.name == name && $0.labels == labels }?.value
    }

    // MARK: Rules

    private static func names(of family: String, _ kind: String) -> [String] {
        kind == "histogram" ? [family + "_bucket", family + "_sum", family + "_count"] : [family]
    }

    private static func check(_ name: String, _ family: Family) throws {
        try require(!family.samples.isEmpty, "\(name) has no samples")
        switch family.kind {
        case "counter":
            try require(name.hasSuffix("_total"), "counter \(name) does not end in _total")
            try require(family.samples.allSatisfy { $0.value >= 0 }, "counter \(name) is negative")
        case "histogram":
            let series = Set(family.samples.map { $0.labels.filter { $0.key != "le" } })
            for labels in series { try check(name, labels, family.samples) }
        default: break
        }
    }

    /// Buckets of one series ascend to +Inf, which is the count.
    private static func check(_ name: String, _ labels: [String: String], _ samples: [Sample]) throws {
        let own = samples.filter { $0.labels.filter { $0.key != "le" } == labels }
        let buckets = own.filter { $0.name == name + "_bucket" }
        let bounds = try buckets.map { try number($0.labels["le"] ?? "") }
        try require(
            !bounds.isEmpty && bounds == bounds.sorted() && bounds.last == .infinity, "\(name): bounds \(bounds)")
        let counts = buckets.map(\.value)
        try require(counts == counts.sorted(), "\(name): buckets do not ascend")
        try require(own.filter { $0.name == name + "_count" }.map(\.value) == [counts.last], "\(name): count")
        try require(own.filter { $0.name == name + "_sum" }.count == 1, "\(name): sum")
    }

    // MARK: Lines

    private static func sample(_ line: Substring) throws -> Sample {
        let name = line.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
        try require(!name.isEmpty && !name.first!.isNumber, "no name: \(line)")
        var rest = line[name.endIndex...]
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while rest.first != "}" {
                let label = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                rest = rest[label.endIndex...]
                try require(!label.isEmpty && !label.first!.isNumber && rest.hasPrefix("=\""), "no label: \(line)")
                rest = rest.dropFirst(2)
                let value = try quoted(&rest)
                try require(labels.updateValue(value, forKey: String(label)) == nil, "a label comes twice: \(line)")
                if rest.first == "," {
                    rest = rest.dropFirst()
                } else {
                    try require(rest.first == "}", "no end: \(line)")
                }
            }
            rest = rest.dropFirst()
        }
        try require(rest.first == " ", "no space before the value: \(line)")
        return Sample(name: String(name), labels: labels, value: try number(String(rest.dropFirst())))
    }

    /// Reads to the quote that is not escaped, and past it.
    private static func quoted(_ rest: inout Substring) throws -> String {
        var end = rest.startIndex
        while end < rest.endIndex, rest[end] != "\"" {
            end = rest.index(after: end)
            if rest[rest.index(before: end)] == "\\", end < rest.endIndex { end = rest.index(after: end) }
        }
        try require(end < rest.endIndex, "a label's value has no end")
        let value = try unescaped(rest[..<end], quotes: true)
        rest = rest[rest.index(after: end)...]
        return value
    }

    private static func unescaped(_ text: some StringProtocol, quotes: Bool) throws -> String {
        var result = ""
        var isEscaped = false
        for character in text {
            if isEscaped {
                try require(
                    character == "\\" || character == "n" || (quotes && character == "\""), "no such escape: \(text)")
                result.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                result.append(character)
            }
        }
        try require(!isEscaped, "an escape has no end: \(text)")
        return result
    }

    private static func number(_ text: String) throws -> Double {
        switch text {
        case "+Inf": return .infinity
        case "-Inf": return -.infinity
        case "NaN": return .nan
        default:
            guard let value = Double(text), value.isFinite else { throw Problem(description: "no number: \(text)") }
            return value
        }
    }

    private static func cut(_ text: Substring) throws -> (name: String, rest: String) {
        guard let space = text.firstIndex(of: " ") else { throw Problem(description: "no space: \(text)") }
        return (String(text[..<space]), String(text[text.index(after: space)...]))
    }

    private static func require(_ condition: Bool, _ problem: @autoclosure () -> String) throws {
        guard condition else { throw Problem(description: problem()) }
    }
}
