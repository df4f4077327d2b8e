import Classification
import Testing

@Suite("Blend and cascade")
struct BlendTests {
    /// Two classes; in each group of ten sentences the linear model is right and sure of six, and wrong but unsure of four, of
    /// which the encoder is right.
    private func held(linearIsGood: Bool = true) -> HeldOut {
        var held = HeldOut(linear: [], known: [], head: [], targets: [], classes: 2)
        for row in 0..<400 {
            let target = row % 2
            func pair(_ right: Float) -> [Float] { target == 0 ? [right, 1 - right] : [1 - right, right] }
            let isEasy = row % 10 < 6
            held.linear += pair(isEasy && linearIsGood ? 0.97 : 0.4)
            held.head += pair(isEasy ? (linearIsGood ? 0.6 : 0.9) : 0.9)
            held.known.append(true)
            held.targets.append(target)
        }
        return held
    }

    @Test("the encoder is asked where it helps, and nowhere else")
    func threshold() {
        let held = held()
        let blend = held.learn(.learnt)
        #expect(blend.askBelow > 0.6 && blend.askBelow <= 0.97)
        let (probabilities, asked) = held.answers(blend)
        #expect(asked.count { $0 } == 160)
        for row in held.targets.indices { #expect(probabilities[row * 2 + held.targets[row]] > 0.5) }
    }

    @Test("a linear model that knows little has no say")
    func weight() {
        #expect(held(linearIsGood: false).learn(.learnt).encoderWeight > 0.8)
    }

    @Test("a cascade can be told when to ask")
    func choices() {
        let held = held()
        #expect(held.answers(held.learn(.always)).asked.count { $0 } == 400)
        #expect(!held.answers(held.learn(.never)).asked.contains(true))
        #expect(held.answers(held.learn(.below(0.5))).asked.count { $0 } == 0)
        #expect(held.answers(held.learn(.below(0.99))).asked.count { $0 } == 400)
    }

    @Test("of a sentence that the linear model knows nothing of, the encoder alone says what it is")
    func unknown() {
        var held = held()
        held.known[0] = false
        held.linear.replaceSubrange(0..<2, with: [0.999, 0.001])
        held.head.replaceSubrange(0..<2, with: [0.1, 0.9])
        let blend = held.learn(.learnt)
        let (probabilities, asked) = held.answers(blend)
        #expect(asked[0])
        #expect(probabilities[1] > 0.5)
    }

    @Test("a head is the same after it was written and read")
    func head() throws {
        let head = EmbeddingHead(weights: (0..<27).map { Float($0) / 10 - 1 }, biases: [0.5, -1, 2, 0, 0, 0, 0, 0, 3])
        #expect(head.bytes.count == (3 + 1) * 9 * 4)
        let again = try #require(EmbeddingHead(bytes: head.bytes, width: 3, classes: 9))
        #expect(again.bytes == head.bytes)
        #expect(EmbeddingHead(bytes: head.bytes, width: 4, classes: 9) == nil)
        #expect(EmbeddingHead(bytes: Array(repeating: 255, count: head.bytes.count), width: 3, classes: 9) == nil)
        func probabilities(_ head: EmbeddingHead) -> [Float] {
            var scores = [SIMD8<Float>](repeating: .zero, count: head.chunks)
            scores.withUnsafeMutableBufferPointer {
                head.classify([1, -1, 0.5], temperature: 2, into: $0.baseAddress!)
            }
            return (0..<9).map { scores[$0 / 8][$0 % 8] }
        }
        #expect(probabilities(head) == probabilities(again))
        #expect(abs(probabilities(head).reduce(0, +) - 1) < 1e-5)
    }

    @Test("a head that is fitted to moved and scaled embeddings is one for embeddings as they come")
    func fitting() {
        var values: [Float] = []
        var targets: [Int] = []
        for row in 0..<200 {
            targets.append(row % 3)
            for column in 0..<5 {
                values.append(3 + (column == row % 3 ? 0.1 : 0) + Float((row * 7 + column * 3) % 11) * 0.004)
            }
        }
        let embeddings = Embeddings(values, width: 5).standardised()
        for (place, value) in embeddings.original(17).enumerated() {
            #expect(abs(value - values[17 * 5 + place]) < 1e-4)
        }
        let problem = DenseProblem(
            embeddings, rows: Array(0..<200), targets: targets, classWeights: [1, 1, 1], inverseRegularization: 10)
        let point = LimitedMemoryBFGS(maximumIterations: 100, tolerance: 1e-6, history: 6).minimize(
            count: problem.pointCount, evaluate: problem.evaluate, progress: { _ in })
        defer { point.deallocate() }
        let head = embeddings.head(at: point, classes: 3)
        var right = 0
        for row in 0..<200 {
            var scores = SIMD8<Float>.zero
            Array(values[row * 5..<row * 5 + 5]).withUnsafeBufferPointer {
                head.classify($0.baseAddress!, temperature: 1, into: &scores)
            }
            if (0..<3).max(by: { scores[$0] < scores[$1] }) == targets[row] { right += 1 }
        }
        #expect(right == 200)
    }
}
