/// Makes documents that are requests, nearly requests, or broken in one of many ways. The same seed makes the same
/// documents.
struct DocumentGenerator {
    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(state: seed) }

    /// The next document.
    mutating func next() -> [UInt8] {
        var document: [UInt8] = []
        if oneIn(100) { document += [0xEF, 0xBB, 0xBF] }
        appendSpace(to: &document)
        if oneIn(50) { appendValue(to: &document, depth: 0) } else { appendRequest(to: &document) }
        appendSpace(to: &document)
        if oneIn(2) {
            for _ in 0..<below(3) + 1 { mutate(&document) }
        }
        if oneIn(500) { document = utf16(document) }
        return document
    }

    // MARK: Well-formed documents, or nearly

    private mutating func appendRequest(to document: inout [UInt8]) {
        var fields: [String] = []
        if !oneIn(20) { fields.append(oneIn(10) ? #""te\u0078t""# : #""text""#) }
        if oneIn(2) { fields.append(#""id""#) }
        for _ in 0..<below(4) {
            fields.append(pick([#""x""#, #""""#, #""été""#, #""text ""#, #""\n""#, #""text""#, #""id""#]))
        }
        fields.shuffle(using: &random)
        document.append(UInt8(ascii: "{"))
        for (index, field) in fields.enumerated() {
            if index > 0 { document.append(UInt8(ascii: ",")) }
            appendSpace(to: &document)
            document += Array(field.utf8)
            appendSpace(to: &document)
            document.append(UInt8(ascii: ":"))
            appendSpace(to: &document)
            let isRead = field != #""x""#
            if isRead, !oneIn(15) { appendString(to: &document) } else { appendValue(to: &document, depth: 0) }
            appendSpace(to: &document)
        }
        if oneIn(50) { document.append(UInt8(ascii: ",")) }
        document.append(UInt8(ascii: "}"))
    }

    private mutating func appendValue(to document: inout [UInt8], depth: Int) {
        switch below(depth > 4 ? 5 : 7) {
        case 0: appendString(to: &document)
        case 1: document += Array(number().utf8)
        case 2: document += Array("true".utf8)
        case 3: document += Array("false".utf8)
        case 4: document += Array("null".utf8)
        case 5:
            document.append(UInt8(ascii: "["))
            for index in 0..<below(4) {
                if index > 0 { document.append(UInt8(ascii: ",")) }
                appendSpace(to: &document)
                appendValue(to: &document, depth: depth + 1)
            }
            document += Array(oneIn(50) ? ",]".utf8 : "]".utf8)
        default:
            document.append(UInt8(ascii: "{"))
            for index in 0..<below(4) {
                if index > 0 { document.append(UInt8(ascii: ",")) }
                appendString(to: &document)
                document.append(UInt8(ascii: ":"))
                appendValue(to: &document, depth: depth + 1)
            }
            document.append(UInt8(ascii: "}"))
        }
    }

    private mutating func number() -> String {
        var text = oneIn(3) ? "-" : ""
        text += oneIn(4) ? "0" : "\(below(100_000) + 1)"
        if oneIn(3) { text += ".\(below(1000))" }
        if oneIn(4) { text += "\(pick(["e", "E"]))\(pick(["", "+", "-"]))\(below(30))" }
        return oneIn(40) ? pick(["01", "1.", ".5", "-", "1e", "+1", "NaN", "0x1", "1.2.3"]) : text
    }

    private mutating func appendString(to document: inout [UInt8]) {
        document.append(UInt8(ascii: "\""))
        for _ in 0..<below(8) {
            switch below(oneIn(40) ? 10 : 7) {
            case 0, 1, 2: document += Array(pick(["bonjour", " ", "un train pour Lyon", "a", "{}[],:"]).utf8)
            case 3: document += Array(pick(["é", "œ", "€", "😀", "日本", "\u{7F}", "\u{2028}", "e\u{301}"]).utf8)
            case 4: document += Array(pick([#"\n"#, #"\""#, #"\\"#, #"\/"#, #"\b"#, #"\f"#, #"\r"#, #"\t"#]).utf8)
            case 5: document += Array(pick([#"\u00e9"#, #"\u0041"#, #"\u0000"#, #"\u20AC"#, #"\uFFFF"#]).utf8)
            case 6: document += Array(pick([#"\ud83d\ude00"#, #"\uD800\uDC00"#, #"\udbff\udfff"#]).utf8)
            case 7:
                document += Array(pick([#"\ud800"#, #"\udc00"#, #"\ud800\u0041"#, #"\q"#, #"\u12"#, #"\U0041"#]).utf8)
            case 8: document += pick([[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]])
            default: document.append(UInt8(below(32)))
            }
        }
        document.append(UInt8(ascii: "\""))
    }

    private mutating func appendSpace(to document: inout [UInt8]) {
        guard oneIn(6) else { return }
        document += Array(pick([" ", "\n", "\t ", "\r\n"]).utf8)
    }

    // MARK: Damage

    private mutating func mutate(_ document: inout [UInt8]) {
        guard !document.isEmpty else { return }
        let place = below(document.count)
        switch below(6) {
        case 0: document[place] = UInt8(below(256))
        case 1: document[place] = pick(Array("\"\\{}[],:0eE+-. ".utf8))
        case 2: document.remove(at: place)
        case 3: document.insert(pick(Array("\"\\{}[],:0tnu ".utf8) + [0, 0x80, 0xC3, 0xFF]), at: place)
        case 4: document.removeLast(below(document.count - place) + 1)
        default: document.insert(contentsOf: document[place..<min(document.count, place + below(12))], at: place)
        }
    }

    private mutating func utf16(_ document: [UInt8]) -> [UInt8] {
        let units = Array(String(decoding: document, as: UTF8.self).utf16)
        return [0xFF, 0xFE] + units.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    }

    // MARK: Chance

    private mutating func below(_ bound: Int) -> Int { Int(random.next() >> 33) % bound }

    private mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

    private mutating func pick<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }
}

/// A small generator whose sequence depends on its seed alone.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
