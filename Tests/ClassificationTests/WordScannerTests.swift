import Classification
import Testing

/// The words of a text, as strings.
func words(_ bytes: [UInt8]) -> [String] {
    let word = UnsafeMutableRawPointer.allocate(byteCount: WordScanner.bufferSize, alignment: 64)
    defer { word.deallocate() }
    var result: [String] = []
    bytes.withUnsafeBufferPointer { bytes in
        guard let start = bytes.baseAddress else { return }
        var scanner = WordScanner(start: start, count: bytes.count, folding: .shared)
        while case let length = scanner.nextWord(into: word), length > 0 {
            let behind = UnsafeRawBufferPointer(start: word + length, count: WordScanner.bufferSize - length)
            #expect(behind.allSatisfy { $0 == 0 }, "the hash of a word reads the zeros behind it")
            result.append(String(decoding: UnsafeRawBufferPointer(start: word, count: length), as: UTF8.self))
        }
    }
    return result
}

func words(_ text: String) -> [String] { words(Array(text.utf8)) }

@Suite("Words of a sentence")
struct WordScannerTests {
    @Test("Lower case, without accents, apart at apostrophes and punctuation")
    func french() {
        #expect(words("L'Été à Besançon, où?") == ["l", "ete", "a", "besancon", "ou"])
        #expect(words("Un ŒUF cœur Æ ß Łódź") == ["un", "oeuf", "coeur", "ae", "ss", "lodz"])
        #expect(words("aujourd’hui «demain» — 20€") == ["aujourd", "hui", "demain", "20"])
    }

    @Test("Composed and decomposed accents are the same")
    func decomposed() {
        #expect(words("e\u{301}te\u{301}") == words("été"))
        #expect(words("Việt Nam") == ["viet", "nam"])
    }

    @Test("Other scripts keep their letters")
    func otherScripts() {
        #expect(words("ПОЕЗД в Москву") == ["поезд", "в", "москву"])
        #expect(words("Αθήνα ΑΘΗΝΑΣ") == ["αθηνα", "αθηνασ"])
        #expect(words("東京、大阪") == ["東京", "大阪"])
        #expect(words("मुझे ट्रेन चाहिए") == ["मुझे", "ट्रेन", "चाहिए"])
        #expect(words("קנה لندن") == ["קנה", "لندن"])
    }

    @Test("Nothing but separators has no words")
    func empty() {
        #expect(words("") == [])
        #expect(words("?!… —\u{0}\u{200B}\u{AD}\u{301}") == [])
    }

    @Test("A word beyond the limit is cut between characters, and nothing is lost")
    func longRuns() {
        for letter in ["a", "é", "я", "東", "𝄞", "😀"] {
            let text = String(repeating: letter, count: 301)
            let parts = words(text)
            #expect(parts.allSatisfy { $0.utf8.count <= WordScanner.maximumLength })
            let expected = letter == "é" ? String(repeating: "e", count: 301) : text
            #expect(parts.joined() == expected)
        }
        #expect(words(String(repeating: "a", count: 60) + " b").last == "b")
    }

    @Test(
        "Bytes that are not UTF-8 separate words",
        arguments: [
            [0x80], [0xC3], [0xC0, 0xAF], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x9F, 0x98],
            [0xF4, 0x90, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFF], [0xE0, 0x80, 0x80],
        ] as [[UInt8]])
    func invalid(bytes: [UInt8]) {
        #expect(words(Array("un".utf8) + bytes + Array("deux".utf8)) == ["un", "deux"])
        #expect(words(bytes) == [])
        #expect(words(Array("un".utf8) + bytes) == ["un"])
    }

    @Test("Random bytes give words that are UTF-8")
    func randomBytes() {
        var random = SplitMix(state: 7)
        for _ in 0..<2000 {
            let bytes = (0..<random.below(200)).map { _ in
                UInt8(truncatingIfNeeded: random.below(3) == 0 ? 0xC0 + random.below(64) : random.below(256))
            }
            for word in words(bytes) { #expect(!word.unicodeScalars.contains("\u{FFFD}")) }
        }
    }
}
