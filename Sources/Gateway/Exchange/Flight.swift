package import Platform

/// One record in flight to a worker and back, with all its subscribers.
package struct Flight: Sendable {
    package typealias Token = SlotTable<Flight>.Token

    /// One sentence of one call.
    struct Subscriber: Sendable {
        let call: Call.Token
        let index: Int
    }

    let correlationID: CorrelationID
    let sentence: Sentence
    /// Whether later calls with the same sentence may join and the answer may be cached.
    let isShared: Bool
    let sent: MonotonicTime
    /// The deadline that the record carries: the one of the first caller.
    let deadline: Deadline
    let trace: CallerTrace?
    var subscribers: [Subscriber]
}

/// One call with one or more sentences.
package struct Call: Sendable {
    package typealias Token = SlotTable<Call>.Token

    /// Who receives the result.
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
    /// The number of missing outcomes.
    var remaining: Int
    let deadline: Deadline
    /// The records that the call waits for.
    var flights: [Flight.Token]
    /// Nil until someone waits.
    var waiter: Waiter?

    /// The result, with `error` for each missing outcome.
    consuming func result(missing error: GatewayError) -> CallResult {
        CallResult(outcomes: outcomes.map { $0 ?? .failure(error) }, sources: sources)
    }
}

/// A sentence as the caller sent it: its UTF-8 bytes, compared and hashed as bytes.
///
/// A `String` compares by Unicode equivalence. That is several times slower and would let two texts that the classifier
/// distinguishes share an answer.
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
        // Hashing the array itself would feed one byte at a time.
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

/// When a caller stops waiting, on this process's monotonic clock and on the wall clock that workers use.
package struct Deadline: Sendable {
    package let moment: MonotonicTime
    /// The same moment in Unix milliseconds.
    package let unixMilliseconds: Int64

    package init(moment: MonotonicTime, unixMilliseconds: Int64) {
        self.moment = moment
        self.unixMilliseconds = unixMilliseconds
    }

    /// The deadline this long from now.
    package init(in duration: Duration) {
        self.moment = MonotonicTime.now.advanced(by: duration)
        self.unixMilliseconds = UnixTime.milliseconds + duration.milliseconds
    }
}

/// Matches a reply to its request: 16 random bytes in the header `kafka_correlationId`.
package struct CorrelationID: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A new random identifier.
    package init(using random: inout some RandomNumberGenerator) {
        self.init(high: random.next(), low: random.next())
    }

    /// The identifier with these bytes; nil unless there are 16.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 16 else { return nil }
        self.high = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
        self.low = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    }

    /// Calls `body` with the 16 bytes of the identifier.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withUnsafeBytes(of: (high, low), body)
    }

    /// 32 lowercase hexadecimal digits.
    package var hexadecimal: String {
        withBytes { Hexadecimal.string($0) }
    }

    /// The bytes are random already, so half of them make a good hash.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(low)
    }
}
