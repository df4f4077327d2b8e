internal import Foundation

extension Evaluation {
    /// The measures as text for people: a summary, a line for each class, and the confusion matrix when it is small.
    public var table: String {
        func number(_ value: Double) -> String { String(format: "%.3f", value) }
        let width = max(5, classes.map(\.label.count).max() ?? 0)
        func left(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        var lines = [
            "sentences          \(sentences)",
            "accuracy           \(number(accuracy))",
            "macro F1           \(number(macroF1))",
            "log loss           \(number(logLoss))",
            "calibration error  \(number(calibrationError))",
            "",
            left("class", width) + "  precision  recall     f1  support",
        ]
        for score in classes {
            lines.append(
                left(score.label, width) + right(number(score.precision), 11) + right(number(score.recall), 8)
                    + right(number(score.f1), 7) + right("\(score.support)", 9))
        }
        if classes.count <= 20 {
            let columns = classes.indices.map { column in
                max(3, "\(column + 1)".count, confusion.map { "\($0[column])".count }.max() ?? 0)
            }
            let head = classes.indices.map { right("\($0 + 1)", columns[$0] + 2) }.joined()
            lines += ["", "right class, and the class that was given (by number)", left("", width + 4) + head]
            for (row, score) in classes.enumerated() {
                let counts = classes.indices.map { right("\(confusion[row][$0])", columns[$0] + 2) }.joined()
                lines.append(right("\(row + 1)", 3) + " " + left(score.label, width) + counts)
            }
        }
        return lines.joined(separator: "\n")
    }
}
