/// What went wrong with a request or with one of its sentences.
package struct GatewayError: Error, Hashable, Sendable, CustomStringConvertible {
    package let code: ProblemCode
    /// What was wrong this time, for a person to read. Of what was sent it holds at
    /// most a name, such as a tensor's, and never a sentence.
    package let detail: String

    package init(_ code: ProblemCode, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { "\(code.rawValue): \(detail)" }
}
