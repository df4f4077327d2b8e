import Messages
import Testing

@Suite("UTF-8")
struct UTF8ValidationTests {
    private func isValid(_ bytes: [UInt8]) -> Bool { withBytes(of: bytes) { UTF8Validation.isValid($0) } }

    private func reference(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    @Test("agrees with the standard library on every sequence of two bytes and on the bounds of longer ones")
    func sequences() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                #expect(isValid([first, second]) == reference([first, second]))
            }
        }
        let bounds: [UInt8] = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
        for first: UInt8 in [0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF] {
            for second in bounds {
                for third in bounds {
                    #expect(isValid([first, second, third]) == reference([first, second, third]))
                    for fourth in bounds {
                        let bytes = [first, second, third, fourth]
                        #expect(isValid(bytes) == reference(bytes))
                    }
                }
            }
        }
    }

    @Test("a wrong byte is found at every place, and a cut-off character at the end", arguments: 0..<40)
    func places(length: Int) {
        let ascii = [UInt8](repeating: 0x61, count: length)
        #expect(isValid(ascii))
        for place in 0..<length {
            var wrong = ascii
            wrong[place] = 0x80
            #expect(!isValid(wrong))
        }
        for character in ["é", "€", "😀"] {
            let whole = ascii + Array(character.utf8)
            #expect(isValid(whole))
            for cut in 1..<character.utf8.count { #expect(!isValid(whole.dropLast(cut))) }
        }
    }
}
