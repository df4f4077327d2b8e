import Gateway
import HTTPTypes
import TestSupport
import Testing

/// Every route behaves alike towards requests that are written oddly or wrongly.
@Suite("Oddities of HTTP", .timeLimit(.minutes(5)))
struct OddityTests {
    private static let sentence = #"{"text":"un train"}"#
    private static let infer = #"{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["un train"]}]}"#
    private static let json = "application/json"

    /// A request for each route that takes part in the API, and for what is no route.
    private static let examples = [
        HTTPExample("GET", "/api/intent?sentence=un%20train"),
        HTTPExample("POST", "/v1/classify", type: json, body: sentence),
        HTTPExample("POST", "/v1/classify/batch", type: json, body: #"{"texts":["un train","un vol"]}"#),
        HTTPExample("POST", "/v1/classify/stream", type: "text/plain", body: "un train\nun vol\n", isStream: true),
        HTTPExample("POST", "/v1/sentences", type: json, body: #"{"text":"un train","id":"7"}"#, status: 202),
        HTTPExample("POST", "/v2/models/intents/infer", type: json, body: infer),
        HTTPExample("GET", "/v2"),
        HTTPExample("GET", "/v2/health/live"),
        HTTPExample("GET", "/v2/health/ready"),
        HTTPExample("GET", "/v2/models/intents"),
        HTTPExample("GET", "/v2/models/intents/ready"),
        HTTPExample("GET", "/health"),
        HTTPExample("GET", "/health/live"),
        HTTPExample("GET", "/health/ready"),
        HTTPExample("GET", "/metrics"),
        HTTPExample("GET", "/"),
        HTTPExample("GET", "/docs"),
        HTTPExample("GET", "/openapi.json"),
        HTTPExample("GET", "/console/console.js"),
        HTTPExample("GET", "/nothing", status: 404),
        HTTPExample("POST", "/health/live", type: json, body: sentence, status: 405),
    ]

    @Test(arguments: examples) func behavesAsTheStandardsWant(example: HTTPExample) async throws {
        let gateway = TestGateway { $0.maximumHeaderBytes = 32_768 }
        try await gateway.application.test { client in
            // The model is known after an answer.
            _ = try await client.executeRequest(uri: "/api/intent?sentence=x", method: .get)
            let port = try #require(client.port)
            for problem in try await RawHTTPConnection.onThread({ try HTTPOddity.check(example, port: port) }) {
                Issue.record("\(problem)")
            }
        }
    }
}
