/// Writes the replies of one model: classifications in each format, and errors.
///
/// The constant parts, labels and model name, are escaped once. Encoding allocates only when the arena grows.
package final class ReplyEncoder: Sendable {
    /// The number of classes.
    package let labelCount: Int
    /// Decimals of each probability: six, and more for many classes, where rounding each would add up to more than
    /// 5e-6. The sum stays within 1e-5 of 1 up to 20,000 classes.
    package let decimals: Int

    /// `,"LABEL":` for each class, the first without its comma.
    private let names: [UInt8]
    /// The start of each class in `names`, and the end of the last.
    private let starts: [Int]
    /// `},"model":"NAME@VERSION"`
    private let tail: [UInt8]
    /// `"UNSURE"`; empty if no reply is unsure.
    private let unsureName: [UInt8]
    /// `"classification":{"label":`, with the name of the field that enriched replies add.
    let fieldHead: [UInt8]
    /// The threshold of the ``UnsureRule``, in units of the last decimal.
    private let leastConfidence: UInt32?
    /// The most classes in `probabilities`; nil for all.
    private let top: Int?

    /// The labels as they are, the unsure one last.
    let labels: LabelTable
    /// `NAME@VERSION`
    let model: [UInt8]

    /// Prepares the replies of a model with the identifier `NAME@VERSION` and its classes in order.
    ///
    /// - Parameters:
    ///   - unsure: when a reply says that it is unsure; nil for never.
    ///   - top: the most classes in `probabilities`, the likeliest first; nil for all, in the model's order.
    ///   - field: the name of the field that enriched replies add.
    package init(
        model: String, labels: [String], unsure: UnsureRule? = nil, top: Int? = nil, field: String = "classification"
    ) {
        let arena = ByteArena()
        var starts: [Int] = []
        for label in labels {
            starts.append(arena.count)
            if arena.count > 0 { arena.append(UInt8(ascii: ",")) }
            arena.append(jsonString: label)
            arena.append(UInt8(ascii: ":"))
        }
        starts.append(arena.count)
        func bytes(_ write: (ByteArena) -> Void) -> [UInt8] {
            arena.reset()
            write(arena)
            return Array(arena.bytes)
        }
        names = Array(arena.bytes)
        self.starts = starts
        tail = bytes {
            $0.append(literal: "},\"model\":")
            $0.append(jsonString: model)
        }
        unsureName = unsure.map { rule in bytes { $0.append(jsonString: rule.label) } } ?? []
        fieldHead = bytes {
            $0.append(jsonString: field)
            $0.append(literal: ":{\"label\":")
        }
        self.labels = LabelTable(labels + (unsure.map { [$0.label] } ?? []))
        self.model = Array(model.utf8)
        self.top = top.map { min($0, labels.count) }
        labelCount = labels.count
        let decimals =
            switch labels.count {
            case ...10: 6
            case ...100: 7
            case ...1000: 8
            default: 9
            }
        self.decimals = decimals
        // Slightly less, because no double is exactly 0.58.
        leastConfidence = unsure.map { UInt32(max(0, $0.threshold * Self.units[decimals] - 1e-6).rounded(.up)) }
    }

    /// Decides what the reply says. Returns nil if the probabilities are not a distribution over the classes. (The worker
    /// then answers `classifier_failed`.)
    ///
    /// - Parameters:
    ///   - probabilities: in the model's order of classes.
    ///   - isKnown: whether the model knows anything of the sentence.
    ///   - stage: which stage of the model gave them; nil if it has but one, which full and enriched replies then do not name.
    package func decide(
        _ probabilities: UnsafeBufferPointer<Float>, isKnown: Bool = true, stage: Stage? = nil
    ) -> Decision? {
        guard probabilities.count == labelCount else { return nil }
        return Decision(
            probabilities, units: Self.units[decimals], least: leastConfidence, isKnown: isKnown, stage: stage)
    }

    /// Appends the full reply and returns its range.
    ///
    /// - Parameters:
    ///   - id: the request's own id, UTF-8; nil if it has none.
    ///   - source: the position of the request, used as id if it has none of its own.
    ///   - probabilities: those of which was decided.
    ///   - isWhole: whether it has all classes, whatever `top` says.
    package func encode(
        _ decision: Decision, id: UnsafeRawBufferPointer?, source: RecordSource,
        probabilities: UnsafeBufferPointer<Float>, isWhole: Bool = false, into arena: ByteArena
    ) -> Range<Int> {
        arena.write(atMost: maximumDistribution + Self.maximumLength(id: id, source: source)) { cursor in
            Self.putID(id, source: source, to: &cursor)
            cursor.put(",\"label\":")
            putLabel(decision, to: &cursor)
            putProbabilities(probabilities, decision, top: isWhole ? nil : top, to: &cursor)
        }
    }

    /// Decides, and appends the full reply. Returns nil if the probabilities are not a distribution over the classes.
    package func encode(
        id: UnsafeRawBufferPointer?, source: RecordSource, probabilities: UnsafeBufferPointer<Float>,
        stage: Stage? = nil, into arena: ByteArena
    ) -> Range<Int>? {
        decide(probabilities, stage: stage).map {
            encode($0, id: id, source: source, probabilities: probabilities, into: arena)
        }
    }

    /// The same for a request with an id of its own.
    package func encode(
        id: UnsafeRawBufferPointer, probabilities: UnsafeBufferPointer<Float>, stage: Stage? = nil,
        into arena: ByteArena
    ) -> Range<Int>? {
        encode(id: id, source: Self.nowhere, probabilities: probabilities, stage: stage, into: arena)
    }

    /// Appends an error reply and returns its range. Pass nil for the id to keep the reply small.
    ///
    /// - Parameters:
    ///   - id: the request's own id, UTF-8; nil if it has none or if it would be too large to echo.
    ///   - source: the position of the request, used as id if it has none of its own.
    ///   - message: one human-readable line that quotes no value of the request.
    package func encodeError(
        id: UnsafeRawBufferPointer?, source: RecordSource, code: ErrorCode, message: String, into arena: ByteArena
    ) -> Range<Int> {
        var message = message
        return message.withUTF8 { message in
            let maximum = 96 + JSONEscaping.maximumLength(of: message.count)
            return arena.write(atMost: maximum + Self.maximumLength(id: id, source: source)) { cursor in
                Self.putID(id, source: source, to: &cursor)
                cursor.put(",\"error\":{\"code\":\"")
                cursor.put(code.bytes)
                cursor.put("\",\"message\":")
                cursor.put(jsonString: UnsafeRawBufferPointer(message))
                cursor.put("}}")
            }
        }
    }

    /// Appends an error reply for a request with an id of its own.
    package func encodeError(
        id: UnsafeRawBufferPointer, code: ErrorCode, message: String, into arena: ByteArena
    ) -> Range<Int> {
        encodeError(id: id, source: Self.nowhere, code: code, message: message, into: arena)
    }

    /// A placeholder for requests that have an id: never written.
    private static var nowhere: RecordSource { RecordSource(topic: StaticString("").bytes, partition: 0, offset: 0) }

    static func maximumLength(id: UnsafeRawBufferPointer?, source: RecordSource) -> Int {
        if let id { JSONEscaping.maximumLength(of: id.count) } else { source.maximumLength + 2 }
    }

    // MARK: Parts

    /// The most bytes of a label, its confidence, all probabilities and the model.
    var maximumDistribution: Int {
        // Twice: the label repeats one of the names.
        2 * names.count + unsureName.count + labelCount * (decimals + 2) + tail.count + 160
    }

    /// `{"id":"…"`
    static func putID(_ id: UnsafeRawBufferPointer?, source: RecordSource, to cursor: inout ByteCursor) {
        cursor.put("{\"id\":\"")
        if let id { cursor.put(jsonEscaped: id) } else { source.write(to: &cursor) }
        cursor.put("\"")
    }

    /// `"LABEL"`, or `"UNSURE","best":"LABEL"`.
    func putLabel(_ decision: Decision, to cursor: inout ByteCursor) {
        if decision.isUnsure {
            unsureName.withUnsafeBytes { cursor.put($0) }
            cursor.put(",\"best\":")
        }
        let best = decision.best
        names.withUnsafeBytes {
            cursor.put($0.slice(starts[best] + (best > 0 ? 1 : 0)..<starts[best + 1] - 1))
        }
    }

    /// `,"confidence":0.912345`
    func putConfidence(_ decision: Decision, to cursor: inout ByteCursor) {
        cursor.put(",\"confidence\":")
        cursor.put(fraction: decision.confidence, digits: decimals)
    }

    /// `,"probabilities":{"LABEL":0.912345,…},"model":"NAME@VERSION"}`, with `,"stage":"encoder"` if the model has stages.
    func putProbabilities(
        _ probabilities: UnsafeBufferPointer<Float>, _ decision: Decision, to cursor: inout ByteCursor
    ) {
        putProbabilities(probabilities, decision, top: top, to: &cursor)
    }

    private func putProbabilities(
        _ probabilities: UnsafeBufferPointer<Float>, _ decision: Decision, top: Int?, to cursor: inout ByteCursor
    ) {
        names.withUnsafeBytes { names in
            starts.withUnsafeBufferPointer { starts in
                cursor.put(",\"probabilities\":{")
                if let top {
                    var order = Ranking(probabilities, first: decision.best)
                    for place in 0..<top {
                        if place > 0 { cursor.put(UInt8(ascii: ",")) }
                        let index = order.current
                        cursor.put(names.slice(starts[index] + (index > 0 ? 1 : 0)..<starts[index + 1]))
                        cursor.put(
                            fraction: UInt32(Double(probabilities[index]) * decision.units + 0.5), digits: decimals)
                        if place + 1 < top { order.moveOn() }
                    }
                } else {
                    for index in 0..<probabilities.count {
                        cursor.put(names.slice(starts[index]..<starts[index + 1]))
                        cursor.put(
                            fraction: UInt32(Double(probabilities[index]) * decision.units + 0.5), digits: decimals)
                    }
                }
            }
        }
        tail.withUnsafeBytes { cursor.put($0) }
        if let stage = decision.stage {
            cursor.put(",\"stage\":\"")
            cursor.put(stage.name)
            cursor.put("\"}")
        } else {
            cursor.put(UInt8(ascii: "}"))
        }
    }

    /// Powers of ten by exponent.
    static let units: [Double] = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]
}

/// The classes from the likeliest on, the first in the model's order on ties. Each step looks at all of them: for the few
/// at the top that is less work than sorting, and takes no memory.
private struct Ranking {
    private let probabilities: UnsafeBufferPointer<Float>
    private(set) var current: Int

    init(_ probabilities: UnsafeBufferPointer<Float>, first: Int) {
        self.probabilities = probabilities
        current = first
    }

    mutating func moveOn() {
        let last = probabilities[current]
        var next: Int?
        for index in 0..<probabilities.count {
            let probability = probabilities[index]
            guard probability < last || (probability == last && index > current) else { continue }
            if next.map({ probability > probabilities[$0] }) ?? true { next = index }
        }
        current = next ?? current
    }
}

/// Labels as bytes, one after another.
struct LabelTable: Sendable {
    private let bytes: [UInt8]
    private let starts: [Int]
    let count: Int

    init(_ labels: [String]) {
        var bytes: [UInt8] = []
        var starts = [0]
        for label in labels {
            bytes += label.utf8
            starts.append(bytes.count)
        }
        self.bytes = bytes
        self.starts = starts
        count = labels.count
    }

    func length(of index: Int) -> Int { starts[index + 1] - starts[index] }

    func put(_ index: Int, to cursor: inout ByteCursor) {
        bytes.withUnsafeBytes { cursor.put($0.slice(starts[index]..<starts[index + 1])) }
    }
}
