import Gateway
import Messages
import NIOCore
import Platform
import Testing

@Suite("Result cache")
struct ResultCacheTests {
    private let start = MonotonicTime(nanoseconds: 1_000)

    private func answer(_ label: String) -> Answer {
        Array(label.utf8).withUnsafeBytes { label in
            Array("{}".utf8).withUnsafeBytes { probabilities in
                Answer(
                    label: label, confidence: StaticString("1").bytes, probabilities: probabilities, model: "m@1",
                    timing: nil)
            }
        }
    }

    private func label(_ cache: inout ResultCache, _ sentence: String, at time: MonotonicTime) -> String? {
        cache.answer(to: Sentence(sentence), now: time).map { String(buffer: $0.labelBytes) }
    }

    @Test("keeps the latest answer") func keepsTheLatestAnswer() {
        var cache = ResultCache(capacity: 2, timeToLive: .seconds(1))
        cache.insert(answer("a"), for: Sentence("x"), now: start)
        cache.insert(answer("b"), for: Sentence("x"), now: start)
        #expect(label(&cache, "x", at: start) == #""b""#)
        #expect(cache.count == 1)
    }

    @Test("evicts the least recently used") func evictsTheLeastRecentlyUsed() {
        var cache = ResultCache(capacity: 2, timeToLive: .seconds(1))
        cache.insert(answer("a"), for: Sentence("1"), now: start)
        cache.insert(answer("b"), for: Sentence("2"), now: start)
        _ = label(&cache, "1", at: start)
        cache.insert(answer("c"), for: Sentence("3"), now: start)
        #expect(label(&cache, "1", at: start) == #""a""#)
        #expect(label(&cache, "2", at: start) == nil)
        #expect(label(&cache, "3", at: start) == #""c""#)
    }

    @Test("forgets what is too old") func forgetsWhatIsTooOld() {
        var cache = ResultCache(capacity: 2, timeToLive: .seconds(1))
        cache.insert(answer("a"), for: Sentence("1"), now: start)
        #expect(label(&cache, "1", at: start.advanced(by: .milliseconds(999))) != nil)
        #expect(label(&cache, "1", at: start.advanced(by: .seconds(1))) == nil)
        #expect(cache.count == 0)
    }

    @Test("keeps nothing when it is off") func keepsNothingWhenItIsOff() {
        var cache = ResultCache(capacity: 0, timeToLive: .seconds(1))
        cache.insert(answer("a"), for: Sentence("1"), now: start)
        #expect(cache.count == 0)
        #expect(label(&cache, "1", at: start) == nil)
    }

    @Test("keeps no long sentence") func keepsNoLongSentence() {
        var cache = ResultCache(capacity: 2, timeToLive: .seconds(1), maximumSentenceBytes: 4)
        cache.insert(answer("a"), for: Sentence("12345"), now: start)
        cache.insert(answer("a"), for: Sentence("1234"), now: start)
        #expect(cache.count == 1)
    }

    /// Against a model that is slow and plainly right.
    @Test("behaves like a list ordered by use") func behavesLikeAListOrderedByUse() {
        var generator = SplitMix(state: 42)
        var cache = ResultCache(capacity: 8, timeToLive: .seconds(1))
        var list: [(key: Int, value: Int)] = []
        for step in 0..<5_000 {
            let key = Int(generator.next() % 16)
            if generator.next() % 3 == 0 {
                cache.insert(answer("\(step)"), for: Sentence("\(key)"), now: start)
                list.removeAll { $0.key == key }
                list.append((key, step))
                if list.count > 8 { list.removeFirst() }
            } else {
                let expected = list.first { $0.key == key }
                #expect(label(&cache, "\(key)", at: start) == expected.map { "\"\($0.value)\"" })
                if let expected {
                    list.removeAll { $0.key == key }
                    list.append(expected)
                }
            }
            if generator.next() % 500 == 0 {
                cache.removeAll()
                list = []
            }
            #expect(cache.count == list.count)
        }
    }
}

/// Numbers that look random and are the same in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
