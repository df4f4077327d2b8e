/// Where this run's replies go, and how they are told from those of others: the correlation id is eight random bytes of
/// the run, then the line's number from 0 as a big-endian Int64.
struct ReplyAddress: Sendable {
    let topic: String
    let partition: Int32
    private let run = UInt64.random(in: .min ... .max)

    init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    /// The 16 bytes for a line.
    func withCorrelationID<Result>(of number: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        try withUnsafeBytes(of: (run.bigEndian, UInt64(number).bigEndian), body)
    }

    /// The line that a correlation id names; nil if it is not of this run.
    func number(of correlationID: UnsafeRawBufferPointer) -> Int? {
        guard correlationID.count == 16,
            UInt64(bigEndian: correlationID.loadUnaligned(as: UInt64.self)) == run
        else { return nil }
        return Int(UInt64(bigEndian: correlationID.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
}
