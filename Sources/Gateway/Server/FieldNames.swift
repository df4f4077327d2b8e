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
    // CloudEvents' attributes, as their HTTP binding writes them.
    static let eventSpecVersion = HTTPField.Name(constant: "ce-specversion")
    static let eventID = HTTPField.Name(constant: "ce-id")
    static let eventExpiryTime = HTTPField.Name(constant: "ce-expirytime")

    /// Names a field that is written in this file, and so is known to be valid.
    private init(constant: String) {
        guard let name = HTTPField.Name(constant) else { preconditionFailure("\(constant) is no field name") }
        self = name
    }
}

/// The values of `Content-Type` that the gateway takes or answers with.
enum ContentType {
    static let json = "application/json"
    static let event = "application/cloudevents+json"
    static let plainText = "text/plain"
    static let problem = "application/problem+json"
    static let lines = "application/x-ndjson"
    static let binary = "application/octet-stream"
    static let html = "text/html; charset=utf-8"
    static let css = "text/css; charset=utf-8"
    static let script = "text/javascript; charset=utf-8"
}
