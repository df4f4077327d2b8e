/// The value of `Server-Timing`: what the worker said of the time it took, and the whole time here.
enum ServerTiming {
    static func value(worker: String?, total nanoseconds: UInt64) -> String {
        let total = "total;dur=\(milliseconds(nanoseconds))"
        guard let worker else { return total }
        return "\(worker), \(total)"
    }

    /// Milliseconds with three decimals. Formatting a `Double` would take longer than all the rest of the header.
    static func milliseconds(_ nanoseconds: UInt64) -> String {
        let microseconds = nanoseconds / 1_000
        let rest = microseconds % 1_000
        return "\(microseconds / 1_000).\(rest < 100 ? (rest < 10 ? "00" : "0") : "")\(rest)"
    }

    /// The worker's own words, when they are harmless in a header: metrics of the form `queue;dur=1.25`.
    static func worker(_ bytes: UnsafeRawBufferPointer) -> String? {
        let isHarmless = bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: " "): true
            default: false
            }
        }
        guard !bytes.isEmpty, bytes.count <= 96, isHarmless else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
