import Foundation
import Messages
import Testing

@Suite("Writing bytes")
struct ByteArenaTests {
    @Test("what is appended comes out, however often the arena grows")
    func appends() {
        let arena = ByteArena(capacity: 64)
        var expected = ""
        var ranges: [(Range<Int>, String)] = []
        for number in stride(from: Int64(-500_000), through: 500_000, by: 997) {
            ranges.append((arena.append(decimal: number), "\(number)"))
            arena.append(UInt8(ascii: "|"))
            expected += "\(number)|"
        }
        #expect(arena.bytes.text == expected)
        for (range, text) in ranges { #expect(arena.bytes(in: range).text == text) }
        arena.reset()
        #expect(arena.count == 0)
    }

    @Test("the bounds of numbers", arguments: [0, 9, 10, -1, .max, .min, 1_000_000_000_000_000_000] as [Int64])
    func writesDecimals(number: Int64) {
        let arena = ByteArena()
        let range = arena.append(decimal: number)
        #expect(arena.bytes(in: range).text == "\(number)")
        #expect(arena.bytes(in: range).decimalInteger == number)
    }

    @Test("every character survives a JSON string", arguments: [0, 1, 7, 8, 9])
    func escapes(padding: Int) throws {
        let before = String(repeating: "x", count: padding)
        for value in [UInt32](0...0x2FF) + [0x2028, 0xD7FF, 0xE000, 0xFFFD, 0x10FFFF] {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = before + String(scalar) + before
            let arena = ByteArena()
            arena.append(jsonString: text)
            let json = arena.bytes.text
            let decoded = try JSONDecoder().decode(String.self, from: Data(json.utf8))
            #expect(decoded.unicodeScalars.elementsEqual(text.unicodeScalars))
            #expect(json.utf8.allSatisfy { $0 >= 0x20 })
        }
    }

    @Test("Int32s go out big-endian")
    func writesBigEndian() {
        let arena = ByteArena()
        arena.append(bigEndian: 0x0102_0304)
        #expect(Array(arena.bytes) == [1, 2, 3, 4])
    }
}
