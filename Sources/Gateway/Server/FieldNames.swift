import HTTPTypes

/// Header fields that the gateway reads or writes and that have no name in HTTPTypes.
extension HTTPField.Name {
    static let requestTimeout = HTTPField.Name(constant: "X-Request-Timeout-Ms")
    static let cache = HTTPField.Name(constant: "X-Cache")
    static let serverTiming = HTTPField.Name(constant: "Server-Timing")
    static let traceparent = HTTPField.Name(constant: "traceparent")
    static let tracestate = HTTPField.Name(constant: "tracestate")
    static let referrerPolicy = HTTPField.Name(constant: "Referrer-Policy")
    static let inferenceHeaderContentLength = HTTPField.Name(constant: "Inference-Header-Content-Length")

    /// Names a field that is written in this file, and so is known to be valid.
    private init(constant: String) {
        guard let name = HTTPField.Name(constant) else { preconditionFailure("\(constant) is no field name") }
        self = name
    }
}

/// The values of `Content-Type` that the gateway answers with.
enum ContentType {
    static let json = "application/json"
    static let problem = "application/problem+json"
    /// What the body of an error is at a path: RFC 9457's type, but where clients of the Open Inference Protocol look for
    /// its `error`. KServe's does so in nothing but plain JSON.
    static func problem(at path: String) -> String {
        path == "/v2" || path.hasPrefix("/v2/") ? json : problem
    }
    static let lines = "application/x-ndjson"
    static let binary = "application/octet-stream"
    static let html = "text/html; charset=utf-8"
    static let css = "text/css; charset=utf-8"
    static let script = "text/javascript; charset=utf-8"
}
