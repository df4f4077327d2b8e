import Platform

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
