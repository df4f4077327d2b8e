/// Folds characters of words to lower case without accents.
///
/// One table covers every scalar below U+2000, which includes all alphabets with letter case except a few rare ones.
/// Latin and Greek letters lose their accents; other scripts keep their marks. Higher scalars are classified by range.
/// The table is the same on every machine for the letters below; it is built once, in about a millisecond.
package struct CharacterFolding: @unchecked Sendable {
    /// Bits 0…23 hold up to three bytes of UTF-8, bits 24…25 their count, bit 26 whether the scalar separates words. A
    /// count of 0 without the separator bit means that the scalar is dropped (a combining accent, a soft hyphen).
    typealias Entry = UInt32

    static let separator: Entry = 1 << 26
    static let dropped: Entry = 0
    static let tableSize = 0x2000

    /// For bytes: the folded ASCII character, 0 for a separator, 0xFF for a byte that belongs to a longer sequence.
    let ascii: UnsafeMutablePointer<UInt8>
    /// For scalars below U+2000.
    let scalars: UnsafeMutablePointer<Entry>

    // The memory is written here, once, and lives as long as the process; hence `@unchecked Sendable`.
    package static let shared = CharacterFolding()

    private init() {
        ascii = .allocate(capacity: 256)
        scalars = .allocate(capacity: Self.tableSize)
        let withoutAccents = Self.withoutAccents()
        for value in 0..<UInt32(Self.tableSize) {
            scalars[Int(value)] = Self.entry(for: Unicode.Scalar(value)!, withoutAccents)
        }
        for byte in 0..<128 {
            ascii[byte] = UInt8(truncatingIfNeeded: scalars[byte])
        }
        (ascii + 128).initialize(repeating: 0xFF, count: 128)
    }

    private static func entry(for scalar: Unicode.Scalar, _ withoutAccents: [Unicode.Scalar: String]) -> Entry {
        // Combining accents are dropped, so that composed and decomposed text is equal; the soft hyphen is invisible.
        if (0x300...0x36F).contains(scalar.value) || scalar.value == 0xAD { return dropped }
        guard isWordCharacter(scalar) else { return separator }
        let lower = scalar.properties.lowercaseMapping.unicodeScalars.filter { !(0x300...0x36F).contains($0.value) }
        var bytes: [UInt8] = []
        for letter in lower {
            bytes += Array((withoutAccents[letter] ?? String(letter)).utf8)
        }
        guard bytes.count <= 3 else { return separator }
        var entry = Entry(bytes.count) << 24
        for (place, byte) in bytes.enumerated() { entry |= Entry(byte) << Entry(8 * place) }
        return entry
    }

    private static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .nonspacingMark, .spacingMark:
            return true
        default:
            return scalar == "_"
        }
    }

    /// Entries for scalars from U+2000 that separate words or are dropped; nil for all others, which stay unchanged.
    static func entryAbove(_ scalar: UInt32) -> Entry? {
        switch scalar {
        case 0x200B...0x200F, 0x2060...0x2064, 0x20D0...0x20FF, 0xFE00...0xFE0F, 0xFEFF, 0xE0000...0xE01EF: dropped
        case 0x2000...0x20CF, 0x2100...0x2BFF, 0x2E00...0x2E7F, 0x3000...0x3004, 0x3008...0x303F: separator
        case 0xE000...0xF8FF, 0xFE10...0xFE6F, 0xFF00...0xFF0F, 0xFF1A...0xFF20, 0xFFF0...0xFFFF: separator
        default: nil
        }
    }

    /// Maps accented letters to their plain letters.
    private static func withoutAccents() -> [Unicode.Scalar: String] {
        let families: [(String, String)] = [
            ("a", "àáâãäåāăąǎǟǡǻȁȃȧḁẚạảấầẩẫậắằẳẵặª"), ("b", "ƀɓḃḅḇ"), ("c", "çćĉċčƈȼḉ"), ("d", "ďđɖɗḋḍḏḑḓð"),
            ("e", "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ"), ("f", "ƒḟ"), ("g", "ĝğġģǥǧǵḡ"), ("h", "ĥħȟḣḥḧḩḫẖ"),
            ("i", "ìíîïĩīĭįıǐȉȋḭḯỉị"), ("j", "ĵǰ"), ("k", "ķƙǩḱḳḵ"), ("l", "ĺļľŀłƚḷḹḻḽ"), ("m", "ḿṁṃ"),
            ("n", "ñńņňŉǹṅṇṉṋ"), ("o", "òóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợº"), ("p", "ƥṕṗ"),
            ("r", "ŕŗřȑȓṙṛṝṟ"), ("s", "śŝşšșṡṣṥṧṩſ"), ("t", "ţťŧƭțṫṭṯṱẗ"), ("u", "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
            ("v", "ṽṿ"), ("w", "ŵẁẃẅẇẉẘ"), ("x", "ẋẍ"), ("y", "ýÿŷƴȳẏẙỳỵỷỹ"), ("z", "źżžƶẑẓẕ"),
            ("ae", "æǣǽ"), ("oe", "œ"), ("ss", "ßẞ"), ("th", "þ"), ("ij", "ĳ"),
            ("α", "άἀἁἂἃἄἅἆἇὰάᾰᾱᾳᾶ"), ("ε", "έἐἑἒἓἔἕὲέ"), ("η", "ήἠἡἢἣἤἥἦἧὴήῃῆ"), ("ι", "ίϊΐἰἱἲἳἴἵἶἷὶίῐῑῒΐῖῗ"),
            ("ο", "όὀὁὂὃὄὅὸό"), ("σ", "ς"), ("υ", "ύϋΰὐὑὒὓὔὕὖὗὺύῠῡῢΰῦῧ"), ("ω", "ώὠὡὢὣὤὥὦὧὼώῳῶ"), ("ρ", "ῤῥ"),
        ]
        var map: [Unicode.Scalar: String] = [:]
        for (plain, accented) in families {
            for scalar in accented.unicodeScalars where !plain.unicodeScalars.contains(scalar) { map[scalar] = plain }
        }
        return map
    }
}
