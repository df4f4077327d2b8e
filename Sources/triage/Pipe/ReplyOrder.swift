/// Puts replies back into the order of their requests.
///
/// Requests are numbered from 0. Replies come in any order, some of them twice (delivery is at least once); each is kept
/// until all before it have been taken, so at most as many are kept as requests are in flight.
struct ReplyOrder {
    private var waiting: [Int: [UInt8]] = [:]

    /// The number of the request whose reply is next in order; all before it have been taken.
    private(set) var next = 0

    /// Replies that had come before and were dropped.
    private(set) var repeats = 0

    /// Takes a reply in, then hands `emit` every reply whose turn it is.
    mutating func insert(
        _ number: Int, _ reply: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        guard number >= next, waiting[number] == nil else {
            repeats += 1
            return
        }
        guard number == next else {
            waiting[number] = Array(reply)
            return
        }
        try emit(reply)
        next += 1
        while let reply = waiting.removeValue(forKey: next) {
            try reply.withUnsafeBytes(emit)
            next += 1
        }
    }
}
