/// RFC 3339 timestamps.
package enum Timestamp {
    /// The number of bytes that ``write(milliseconds:into:)`` writes.
    package static let length = 24

    /// Unix milliseconds of `2026-01-02T03:04:05.678Z` or `2026-01-02T04:04:05+01:00`; nil if the bytes are neither.
    /// Digits beyond milliseconds are truncated; a leap second counts as the second after it.
    package static func milliseconds(of text: UnsafeRawBufferPointer) -> Int64? {
        guard text.count >= 20, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] | 0x20 == UInt8(ascii: "t"), text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            let year = number(text, 0..<4), let month = number(text, 5..<7), let day = number(text, 8..<10),
            let hour = number(text, 11..<13), let minute = number(text, 14..<16), let second = number(text, 17..<19),
            1...12 ~= month, 1...daysInMonth(month, year: year) ~= day, hour < 24, minute < 60, second <= 60
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if text[index] == UInt8(ascii: ".") {
            let digits = text[(index + 1)...].prefix(while: isDigit)
            guard !digits.isEmpty else { return nil }
            for place in 0..<3 {
                fraction = fraction * 10 + (place < digits.count ? Int64(digits[digits.startIndex + place] & 15) : 0)
            }
            index = digits.endIndex
        }
        guard index < text.count, let offset = offsetMinutes(UnsafeRawBufferPointer(rebasing: text[index...])) else {
            return nil
        }
        let seconds = ((days(year: year, month: month, day: day) * 24 + hour) * 60 + minute - offset) * 60 + second
        return seconds * 1000 + fraction
    }

    /// Writes Unix milliseconds as `2026-01-02T03:04:05.678Z`, for the years 0 to 9999: ``length`` bytes.
    package static func write(milliseconds: Int64, into target: UnsafeMutableRawPointer) {
        let earliest: Int64 = -62_167_219_200_000
        let latest: Int64 = 253_402_300_799_999
        let (seconds, fraction) = floored(min(max(milliseconds, earliest), latest), by: 1000)
        let (days, secondOfDay) = floored(seconds, by: 86_400)
        let (year, month, day) = civil(days: days)
        put(year, digits: 4, separator: "-", at: target)
        put(month, digits: 2, separator: "-", at: target + 5)
        put(day, digits: 2, separator: "T", at: target + 8)
        put(secondOfDay / 3600, digits: 2, separator: ":", at: target + 11)
        put(secondOfDay / 60 % 60, digits: 2, separator: ":", at: target + 14)
        put(secondOfDay % 60, digits: 2, separator: ".", at: target + 17)
        put(fraction, digits: 3, separator: "Z", at: target + 20)
    }

    /// Unix milliseconds as `2026-01-02T03:04:05.678Z`.
    package static func text(milliseconds: Int64) -> String {
        String(unsafeUninitializedCapacity: length) { buffer in
            write(milliseconds: milliseconds, into: UnsafeMutableRawPointer(buffer.baseAddress!))
            return length
        }
    }

    private static func put(_ value: Int64, digits: Int, separator: Unicode.Scalar, at target: UnsafeMutableRawPointer)
    {
        var rest = value
        for place in stride(from: digits - 1, through: 0, by: -1) {
            target.storeBytes(of: UInt8(ascii: "0") + UInt8(rest % 10), toByteOffset: place, as: UInt8.self)
            rest /= 10
        }
        target.storeBytes(of: UInt8(ascii: separator), toByteOffset: digits, as: UInt8.self)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    private static func number(_ text: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int64? {
        var value: Int64 = 0
        for index in range {
            guard isDigit(text[index]) else { return nil }
            value = value * 10 + Int64(text[index] & 15)
        }
        return value
    }

    /// Minutes that `Z`, `+01:00` or `-03:30` is ahead of UTC.
    private static func offsetMinutes(_ zone: UnsafeRawBufferPointer) -> Int64? {
        if zone.count == 1 { return zone[0] | 0x20 == UInt8(ascii: "z") ? 0 : nil }
        guard zone.count == 6, zone[0] == UInt8(ascii: "+") || zone[0] == UInt8(ascii: "-"),
            zone[3] == UInt8(ascii: ":"), let hours = number(zone, 1..<3), let minutes = number(zone, 4..<6),
            hours < 24, minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (zone[0] == UInt8(ascii: "-") ? -1 : 1)
    }

    private static func daysInMonth(_ month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // Both directions count from 1 March of year 0, so that the leap day comes last in a year; 1970 begins 719,468 days
    // later.

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floored(shiftedYear, by: 400)
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floored(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private static func floored(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let remainder = ((value % divisor) + divisor) % divisor
        return ((value - remainder) / divisor, remainder)
    }
}
