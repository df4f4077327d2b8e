/// Writes the replies of one model: classifications and errors.
///
/// The constant parts, labels and model name, are escaped once. Encoding allocates only when the arena grows.
package struct ReplyEncoder: Sendable {
    /// The number of classes.
    package let labelCount: Int
    /// Decimals of each probability: six, and more for many classes, where rounding each would add up to more than
    /// 5e-6. The sum stays within 1e-5 of 1 up to 20,000 classes.
    package let decimals: Int

    /// `,"LABEL":` for each class, the first without its comma.
    private let names: [UInt8]
    /// The start of each class in `names`, and the end of the last.
    private let starts: [Int]
    /// `},"model":"NAME@VERSION"}`
    private let tail: [UInt8]

    /// Prepares the replies of a model with the identifier `NAME@VERSION` and its classes in order.
    package init(model: String, labels: [String]) {
        let arena = ByteArena()
        var starts: [Int] = []
        for label in labels {
            starts.append(arena.count)
            if arena.count > 0 { arena.append(UInt8(ascii: ",")) }
            arena.append(jsonString: label)
            arena.append(UInt8(ascii: ":"))
        }
        starts.append(arena.count)
        names = Array(arena.bytes)
        self.starts = starts
        arena.reset()
        arena.append(literal: "},\"model\":")
        arena.append(jsonString: model)
        arena.append(literal: "}")
        tail = Array(arena.bytes)
        labelCount = labels.count
        decimals =
            switch labels.count {
            case ...10: 6
            case ...100: 7
            case ...1000: 8
            default: 9
            }
    }

    /// Appends the reply value and returns its range. Returns nil if the probabilities are not a distribution: one per
    /// class, none negative or NaN, with a sum within 1e-3 of 1. (The worker then answers `classifier_failed`.)
    ///
    /// - Parameters:
    ///   - id: the request's own id, UTF-8; nil if it has none.
    ///   - source: the position of the request, used as id if it has none of its own.
    ///   - probabilities: in the model's order of classes.
    package func encode(
        id: UnsafeRawBufferPointer?, source: RecordSource, probabilities: UnsafeBufferPointer<Float>,
        into arena: ByteArena
    ) -> Range<Int>? {
        guard let summary = DistributionSummary(probabilities), probabilities.count == labelCount else { return nil }
        // Twice: the label repeats one of the names.
        let maximum = 2 * names.count + labelCount * (decimals + 2) + tail.count + 64
        return arena.write(atMost: maximum + Self.maximumLength(id: id, source: source)) { cursor in
            Self.putID(id, source: source, to: &cursor)
            cursor.put(",\"label\":")
            put(probabilities, summary, to: &cursor)
            tail.withUnsafeBytes { cursor.put($0) }
        }
    }

    /// Appends the reply value for a request with an id of its own.
    package func encode(
        id: UnsafeRawBufferPointer, probabilities: UnsafeBufferPointer<Float>, into arena: ByteArena
    ) -> Range<Int>? {
        encode(id: id, source: Self.nowhere, probabilities: probabilities, into: arena)
    }

    /// Appends an error reply and returns its range. Pass nil for the id to keep the reply small.
    ///
    /// - Parameters:
    ///   - id: the request's own id, UTF-8; nil if it has none or if it would be too large to echo.
    ///   - source: the position of the request, used as id if it has none of its own.
    ///   - message: one human-readable line that does not quote the request.
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

    private static func maximumLength(id: UnsafeRawBufferPointer?, source: RecordSource) -> Int {
        if let id { JSONEscaping.maximumLength(of: id.count) } else { source.maximumLength + 2 }
    }

    /// `{"id":"…"`
    private static func putID(_ id: UnsafeRawBufferPointer?, source: RecordSource, to cursor: inout ByteCursor) {
        cursor.put("{\"id\":\"")
        if let id { cursor.put(jsonEscaped: id) } else { source.write(to: &cursor) }
        cursor.put("\"")
    }

    /// `"LABEL","probabilities":{"LABEL":0.912345,…`
    private func put(
        _ probabilities: UnsafeBufferPointer<Float>, _ summary: DistributionSummary, to cursor: inout ByteCursor
    ) {
        names.withUnsafeBytes { names in
            starts.withUnsafeBufferPointer { starts in
                let best = summary.best
                let quoted = starts[best] + (best > 0 ? 1 : 0)..<starts[best + 1] - 1
                cursor.put(names.slice(quoted))
                cursor.put(",\"probabilities\":{")
                let units = Self.units[decimals] / summary.sum
                for index in 0..<probabilities.count {
                    cursor.put(names.slice(starts[index]..<starts[index + 1]))
                    cursor.put(fraction: UInt32(Double(probabilities[index]) * units + 0.5), digits: decimals)
                }
            }
        }
    }

    /// Powers of ten by exponent.
    private static let units: [Double] = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]
}

/// Sum and maximum of a distribution, found in one pass.
private struct DistributionSummary {
    /// The index of the largest probability; the first one on ties.
    var best = 0
    /// The sum, within 1e-3 of 1. Dividing by it removes single-precision rounding errors.
    var sum = 0.0

    init?(_ probabilities: UnsafeBufferPointer<Float>) {
        guard !probabilities.isEmpty else { return nil }
        var smallest = probabilities[0]
        for index in 0..<probabilities.count {
            let probability = probabilities[index]
            sum += Double(probability)
            smallest = min(smallest, probability)
            if probability > probabilities[best] { best = index }
        }
        // A NaN makes the sum NaN, and comparisons with NaN are false.
        guard abs(sum - 1) <= 1e-3, smallest >= 0 else { return nil }
    }
}
