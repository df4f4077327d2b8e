import Classification
import Testing

@Suite("Thresholds")
struct RiskCoverageTests {
    private func predictions(_ values: [(Double, Bool)]) -> [Prediction] {
        values.map { Prediction(confidence: $0, isRight: $1) }
    }

    @Test("the lowest threshold at which so many of the answers are right, halfway to what is not answered")
    func lowest() {
        let some = predictions([(0.9, true), (0.8, true), (0.6, false), (0.5, true), (0.3, false)])
        let point = RiskCoverage.threshold(of: some, precision: 0.75)
        #expect(point == RiskCoverage.Point(threshold: 0.4, coverage: 0.8, accuracy: 0.75))
        #expect(RiskCoverage.threshold(of: some, precision: 0.9)?.threshold == 0.7)
        #expect(RiskCoverage.threshold(of: some, precision: 0.6)?.threshold == 0)
        // Its own answers are right in fewer cases than further down.
        let late = predictions([(0.9, false), (0.8, true), (0.7, true), (0.6, true)])
        #expect(RiskCoverage.threshold(of: late, precision: 0.75)?.coverage == 1)
    }

    @Test("sentences of one confidence are answered together")
    func ties() {
        let tied = predictions([(0.9, true), (0.5, true), (0.5, false), (0.5, false), (0.1, false)])
        #expect(RiskCoverage.threshold(of: tied, precision: 0.9)?.threshold == 0.7)
        #expect(RiskCoverage.threshold(of: predictions([(0.5, true), (0.5, false)]), precision: 0.9) == nil)
    }

    @Test("what the model knows nothing of is never answered, but counts among the sentences")
    func unknown() {
        let some = predictions([(0.9, true), (-1, true), (-1, false), (0.4, true)])
        let point = RiskCoverage.threshold(of: some, precision: 0.95)
        #expect(point == RiskCoverage.Point(threshold: 0, coverage: 0.5, accuracy: 1))
        #expect(RiskCoverage(some).points.first == RiskCoverage.Point(threshold: 0, coverage: 0.5, accuracy: 1))
        #expect(RiskCoverage.threshold(of: [], precision: 0.5) == nil)
    }

    @Test("the table has the chosen threshold among the others, in order")
    func table() {
        let coverage = RiskCoverage(predictions([(0.95, true), (0.42, false)]), chosen: 0.425)
        #expect(coverage.points.map(\.threshold) == coverage.points.map(\.threshold).sorted())
        let lines = coverage.table.split(separator: "\n")
        #expect(lines.first == "threshold  answered  accuracy")
        #expect(lines.contains("     0.00   100.0%    0.500  ████████████████████"))
        #expect(
            lines.contains {
                $0.hasPrefix("     0.42    50.0%    1.000  ██████████") && $0.hasSuffix("← the model's own")
            })
        #expect(lines.last == "     0.99     0.0%        –")
    }
}
