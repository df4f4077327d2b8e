extension HTTPOddity {
    /// Sends every oddity as the first and as the second request of a connection.
    ///
    /// - Returns: what was not as the standards want it, a line for each.
    package static func check(_ example: HTTPExample, port: Int) throws -> [String] {
        // The bytes of an ordinary answer, to hold those that come after an oddity against.
        let plain = try RawHTTPConnection(port: port)
        plain.send(probe)
        guard let usual = plain.response() else { return ["\(example): no answer to an ordinary request"] }
        var problems: [String] = []
        for oddity in all {
            for isSecond in [false, true] {
                if let problem = try oddity.check(example, port: port, isSecond: isSecond, usual: usual) {
                    problems.append("\(example), \(oddity)\(isSecond ? ", second request" : ""): \(problem)")
                }
            }
        }
        return problems
    }

    private static let probe = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"

    private func check(
        _ example: HTTPExample, port: Int, isSecond: Bool, usual: RawHTTPConnection.Response
    ) throws -> String? {
        let connection = try RawHTTPConnection(port: port)
        if isSecond {
            connection.send(Self.probe)
            guard connection.response() == usual else { return "the first request was not answered as usual" }
        }
        connection.send(bytes(example))
        guard var response = connection.response() else {
            return "no answer; the connection: \(connection.ends(within: 0.1))"
        }
        if case .continueThenAsUsual = outcome, !example.body.isEmpty, example.status < 400 {
            guard response.status == 100, let final = connection.response() else { return "no 100 Continue" }
            response = final
        }
        switch outcome {
        case .asUsual, .continueThenAsUsual:
            guard response.status == example.status else { return "\(response.status) instead of \(example.status)" }
            // Who waits for a word before the body, and is refused, must not be left with an open connection.
            if case .continueThenAsUsual = outcome, example.status >= 400, !example.body.isEmpty {
                return ended(connection)
            }
            connection.send(Self.probe)
            guard let next = connection.response() else { return "no answer to the next request" }
            return next == usual ? nil : "another answer to the next request: \(next.head)"
        case .asUsualThenClose:
            guard response.status == example.status else { return "\(response.status) instead of \(example.status)" }
            return ended(connection)
        case .refused(let statuses):
            guard statuses.contains(response.status) else { return "\(response.status) instead of \(statuses)" }
            guard response.field("connection") == "close" else { return "the refusal does not say that it closes" }
            return ended(connection)
        }
    }

    private func ended(_ connection: RawHTTPConnection) -> String? {
        switch connection.ends(within: 10) {
        case .closed: connection.rest.isEmpty ? nil : "bytes after the last response"
        case .reset: "reset instead of closed"
        case .open: "the connection stays open"
        }
    }
}
