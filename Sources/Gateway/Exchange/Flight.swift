package import Platform

/// One record on its way to a worker and back, and everybody who waits for it.
package struct Flight: Sendable {
    package typealias Token = SlotTable<Flight>.Token

    /// One sentence of one call.
    struct Subscriber: Sendable {
        let call: Call.Token
        let index: Int
    }

    let correlationID: CorrelationID
    let sentence: Sentence
    /// Whether later calls with the same sentence may join, and the answer may be cached.
    let isShared: Bool
    let sent: MonotonicTime
    /// The deadline that the record carries: that of whoever asked first.
    let deadline: Deadline
    let trace: CallerTrace?
    var subscribers: [Subscriber]
}

/// One caller with one or more sentences.
package struct Call: Sendable {
    package typealias Token = SlotTable<Call>.Token

    /// Who is told the result.
    package enum Waiter: Sendable {
        case task(CheckedContinuation<CallResult, Never>)
        case callback(@Sendable (CallResult) -> Void)

        func resume(with result: CallResult) {
            switch self {
            case .task(let continuation): continuation.resume(returning: result)
            case .callback(let callback): callback(result)
            }
        }
    }

    var outcomes: [Outcome?]
    var sources: [AnswerSource]
    /// How many outcomes are still missing.
    var remaining: Int
    let deadline: Deadline
    /// The records that it waits for.
    var flights: [Flight.Token]
    /// Nil until somebody waits.
    var waiter: Waiter?

    /// The result, with `error` in the place of what is missing.
    consuming func result(missing error: GatewayError) -> CallResult {
        CallResult(outcomes: outcomes.map { $0 ?? .failure(error) }, sources: sources)
    }
}

/// A sentence as a caller sent it: its UTF-8 bytes, compared and hashed as bytes.
///
/// A `String` would do the same by Unicode equivalence, which costs several times as much and would let two texts that
/// the classifier sees differently share an answer.
package struct Sentence: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(_ text: String) {
        self.bytes = Array(text.utf8)
    }

    package static func == (left: Sentence, right: Sentence) -> Bool {
        left.bytes == right.bytes
    }

    package func hash(into hasher: inout Hasher) {
        // Array's own hashing feeds one byte at a time.
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

/// When a caller stops waiting, on this process's clock and on the clock that workers read.
package struct Deadline: Sendable {
    package let moment: MonotonicTime
    /// The same in Unix milliseconds.
    package let unixMilliseconds: Int64

    package init(moment: MonotonicTime, unixMilliseconds: Int64) {
        self.moment = moment
        self.unixMilliseconds = unixMilliseconds
    }

    /// The deadline this far from now.
    package init(in duration: Duration) {
        self.moment = MonotonicTime.now.advanced(by: duration)
        self.unixMilliseconds = UnixTime.milliseconds + duration.milliseconds
    }
}

/// What ties a reply to its request: 16 random bytes, carried in the header `kafka_correlationId`.
package struct CorrelationID: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A fresh identifier.
    package init(using random: inout some RandomNumberGenerator) {
        self.init(high: random.next(), low: random.next())
    }

    /// The identifier in these bytes, or nil when they are not 16 bytes.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 16 else { return nil }
        self.high = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
        self.low = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    }

    /// Lends the 16 bytes of the identifier.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withUnsafeBytes(of: (high, low), body)
    }

    /// 32 lower-case hexadecimal digits.
    package var hexadecimal: String {
        withBytes { Hexadecimal.string($0) }
    }

    /// The bytes are random already: half of them make a good hash.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(low)
    }
}
