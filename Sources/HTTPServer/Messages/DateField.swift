import Platform
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The value of the `Date` header, cached for one second.
package final class DateField: Sendable {
    private struct State {
        var second: Int64 = -1
        var text = ""
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private let state = Mutex(State())

    package init() {}

    /// The current date in RFC 9110 format: `Tue, 15 Nov 1994 08:12:31 GMT`.
    package var value: String {
        let second = UnixTime.milliseconds / 1_000
        return state.withLock { state in
            if state.second != second {
                state.second = second
                state.text = Self.text(of: second)
            }
            return state.text
        }
    }

    package static func text(of second: Int64) -> String {
        var time = time_t(second)
        var parts = tm()
        gmtime_r(&time, &parts)
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { pad($0) }.joined(separator: ":")
        let day = "\(days[Int(parts.tm_wday)]), \(pad(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
        return "\(day) \(parts.tm_year + 1_900) \(clock) GMT"
    }

    private static func pad(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
