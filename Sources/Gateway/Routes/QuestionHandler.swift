import HTTPTypes

/// Answers requests that ask the workers once: says what to ask when a request has been read, and what to answer when the
/// workers have. It never waits, so whoever runs it chooses how: ``FastPathHandler`` on the connection's event loop, the
/// router in a task.
struct QuestionHandler: Sendable {
    /// The media types that a body may have; nil when a body does not matter.
    let contentTypes: [String]?
    let question: @Sendable (WholeRequest) throws(GatewayError) -> Question

    /// Throws when the head alone says that the request cannot be answered.
    func check(_ head: HTTPRequest, maximumBodyBytes: Int) throws(GatewayError) {
        guard let contentTypes else { return }
        try head.requireContentType(contentTypes)
        try head.requireBody(atMost: maximumBodyBytes)
    }
}

/// What a request wants of the workers, and the response that their answers make.
struct Question: Sendable {
    /// None when what was sent has nothing that could be classified.
    let sentences: [Sentence]
    let response: @Sendable (CallResult) throws(GatewayError) -> WholeResponse

    /// The response, be it that none of the answers was of use.
    func answer(to result: CallResult) -> WholeResponse {
        do throws(GatewayError) { return try response(result) } catch { return WholeResponse(problem: error) }
    }
}
