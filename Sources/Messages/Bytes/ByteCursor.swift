import Platform

/// Writes bytes sequentially into reserved memory. Does not check bounds: `ByteArena.write` does, once per message.
struct ByteCursor {
    private(set) var position: UnsafeMutableRawPointer

    init(_ start: UnsafeMutableRawPointer) { position = start }

    mutating func put(_ byte: UInt8) {
        position.storeBytes(of: byte, as: UInt8.self)
        position += 1
    }

    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        position.copyMemory(from: start, byteCount: bytes.count)
        position += bytes.count
    }

    mutating func put(_ literal: StaticString) {
        position.copyMemory(from: literal.utf8Start, byteCount: literal.utf8CodeUnitCount)
        position += literal.utf8CodeUnitCount
    }

    mutating func put(decimal value: Int64) {
        if value < 0 { put(UInt8(ascii: "-")) }
        var magnitude = value.magnitude
        var digits = 1
        var bound: UInt64 = 10
        while magnitude >= bound {
            digits += 1
            if digits == 20 { break }
            bound *= 10
        }
        var place = digits
        repeat {
            place -= 1
            let (quotient, digit) = magnitude.quotientAndRemainder(dividingBy: 10)
            position.storeBytes(of: UInt8(ascii: "0") + UInt8(digit), toByteOffset: place, as: UInt8.self)
            magnitude = quotient
        } while place > 0
        position += digits
    }

    /// Writes `value / 10^digits` as `0.912345` or `1.000000`.
    mutating func put(fraction value: UInt32, digits: Int) {
        // Pairs of digits, from last to first; for an odd count a single digit remains at the front.
        var rest = value
        var place = digits + 2
        while place > 3 {
            let quotient = rest / 100
            let pair = DecimalPairs.bytes(of: rest - quotient * 100)
            position.storeBytes(of: pair, toByteOffset: place - 2, as: UInt16.self)
            rest = quotient
            place -= 2
        }
        if place == 3 {
            let quotient = rest / 10
            let digit = UInt8(truncatingIfNeeded: rest - quotient * 10)
            position.storeBytes(of: UInt8(ascii: "0") + digit, toByteOffset: 2, as: UInt8.self)
            rest = quotient
        }
        position.storeBytes(of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        position.storeBytes(of: UInt8(ascii: "."), toByteOffset: 1, as: UInt8.self)
        position += digits + 2
    }

    mutating func put(bigEndian value: Int32) {
        position.storeBytes(of: value.bigEndian, as: Int32.self)
        position += 4
    }

    /// Writes Unix milliseconds in RFC 3339.
    mutating func put(timestamp milliseconds: Int64) {
        Timestamp.write(milliseconds: milliseconds, into: position)
        position += Timestamp.length
    }

    mutating func put(jsonString bytes: UnsafeRawBufferPointer) {
        put(UInt8(ascii: "\""))
        put(jsonEscaped: bytes)
        put(UInt8(ascii: "\""))
    }

    mutating func put(jsonEscaped bytes: UnsafeRawBufferPointer) {
        position += JSONEscaping.escape(bytes, into: position)
    }
}

/// The two digits of a number under 100.
private enum DecimalPairs {
    /// ASCII digits in memory order, tens first. Computed, since a lookup table would occupy cache.
    static func bytes(of value: UInt32) -> UInt16 {
        let tens = (value &* 103) >> 10
        let units = value &- tens &* 10
        return UInt16(truncatingIfNeeded: 0x3030 &+ tens &+ units << 8).littleEndian
    }
}
