import Foundation

/// A reply value, or a line of `triage classify` or `triage pipe`, decoded by Foundation: nothing of the product's own code.
struct ClassifiedText: Decodable, Equatable {
    struct Failure: Decodable, Equatable {
        let code: String
        let message: String
    }

    var id: String?
    var label: String?
    var probabilities: [String: Double]?
    var model: String?
    var error: Failure?

    static func decode(_ text: some StringProtocol) throws -> ClassifiedText {
        try JSONDecoder().decode(ClassifiedText.self, from: Data(text.utf8))
    }

    /// Decodes NDJSON.
    static func decodeLines(_ text: String) throws -> [ClassifiedText] {
        try text.split(separator: "\n").map { try decode($0) }
    }

    /// Whether this is a distribution of which the label is a largest member.
    var isDistribution: Bool {
        guard let probabilities, let label, let largest = probabilities.values.max() else { return false }
        let sum = probabilities.values.reduce(0, +)
        return abs(sum - 1) < 1e-5 && probabilities[label] == largest && probabilities.values.allSatisfy { $0 >= 0 }
    }
}
