import Foundation
import Messages
import Testing

/// Documents by the tens of thousands, each decoded by us and by Foundation.
///
/// `TRIAGE_FUZZ_RECORDS` says how many (20,000), `TRIAGE_FUZZ_SEED` which (printed at each run, so that it can be
/// repeated).
@Suite("Held against Foundation's JSON")
struct FoundationFuzzTests {
    @Test("the same answer, or a difference that is listed")
    func fuzz() {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["TRIAGE_FUZZ_RECORDS"].flatMap { Int($0) } ?? 20_000
        let seed = environment["TRIAGE_FUZZ_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...UInt64(UInt32.max))
        var generator = DocumentGenerator(seed: seed)
        let decoder = RequestDecoder(maximumTextBytes: 1 << 20)
        var taken = 0
        var differences: [FoundationDifference: Int] = [:]
        var unexplained = 0

        for index in 0..<count {
            let document = generator.next()
            let ours = request(document, decoder)
            let theirs = FoundationRequest(document)
            if ours != nil { taken += 1 }
            if isSame(ours, theirs) { continue }
            if ours == nil || theirs == nil,
                let difference = FoundationDifference.explaining(document, isTaken: { request($0, decoder) != nil })
            {
                differences[difference, default: 0] += 1
                continue
            }
            unexplained += 1
            if unexplained <= 5 {
                let base64 = Data(document).base64EncodedString()
                Issue.record(
                    "seed \(seed), document \(index): ours \(ours as Any), Foundation's \(theirs as Any); Base64 \(base64)"
                )
            }
        }
        let listed = FoundationDifference.allCases.map { "\($0.rawValue) \(differences[$0, default: 0])" }
        print("fuzz: seed \(seed), \(count) documents, \(taken) taken; \(listed.joined(separator: ", "))")
        #expect(unexplained == 0)
        // A corpus in which nearly all is refused, or nearly nothing, would show nothing.
        if count >= 1000 { #expect(taken > count / 3 && taken < count * 9 / 10) }
    }

    @Test(
        "each difference on the list is one",
        arguments: [
            (.trailingComma, Array(#"{"text":"a",}"#.utf8)), (.trailingComma, Array(#"{"text":"a","x":[1,]}"#.utf8)),
            (.otherEncoding, [0xFF, 0xFE] + Array(#"{"text":"a"}"#.utf8).flatMap { [$0, 0] }),
            (.hugeNumber, Array(#"{"text":"a","x":1e999}"#.utf8)),
        ] as [(FoundationDifference, [UInt8])])
    func differences(difference: FoundationDifference, document: [UInt8]) {
        let decoder = RequestDecoder()
        #expect((FoundationRequest(document) == nil) == (difference == .hugeNumber))
        #expect((request(document, decoder) == nil) == (difference != .hugeNumber))
        #expect(FoundationDifference.explaining(document) { request($0, decoder) != nil } == difference)
    }

    /// The request, an empty one too; nil if it is refused.
    private func request(_ document: [UInt8], _ decoder: RequestDecoder) -> FoundationRequest? {
        let outcome = decode(document, decoder: decoder)
        decoder.reset()
        if let text = outcome.text { return FoundationRequest(text: text, id: outcome.id) }
        // Whether there is something in the text is no matter of JSON; what the text was is not told.
        guard outcome.code == .emptyText else { return nil }
        return FoundationRequest(text: "", id: outcome.id)
    }

    /// Whether the two are the same character by character. (Strings are equal already if they are canonically
    /// equivalent.)
    private func isSame(_ ours: FoundationRequest?, _ theirs: FoundationRequest?) -> Bool {
        guard let ours, let theirs else { return ours == nil && theirs == nil }
        let isBlank = theirs.text.unicodeScalars.allSatisfy(\.properties.isWhitespace)
        let sameText = isBlank ? ours.text.isEmpty : ours.text.utf8.elementsEqual(theirs.text.utf8)
        if let number = theirs.number { return sameText && ours.id.flatMap(Double.init) == number }
        return sameText && ours.id.map { Array($0.utf8) } == theirs.id.map { Array($0.utf8) }
    }
}
