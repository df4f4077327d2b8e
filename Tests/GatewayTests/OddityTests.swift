import Foundation
import Gateway
import GatewayTestSupport
import HTTPTypes
import TestSupport
import Testing

/// Every route behaves alike towards requests that are written oddly or wrongly.
@Suite("Oddities of HTTP", .timeLimit(.minutes(5)))
struct OddityTests {
    private static let sentence = #"{"text":"un train"}"#
    private static let infer = #"{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["un train"]}]}"#
    private static let json = "application/json"

    /// A request for each route, and for what is no route.
    private static let examples = [
        HTTPExample("GET", "/api/intent?sentence=un%20train"),
        HTTPExample("POST", "/v1/classify", type: json, body: sentence),
        HTTPExample("POST", "/v1/classify/batch", type: json, body: #"{"texts":["un train","un vol"]}"#),
        HTTPExample("POST", "/v1/classify/stream", type: "text/plain", body: "un train\nun vol\n", isStream: true),
        HTTPExample("POST", "/v1/sentences", type: json, body: #"{"text":"un train","id":"7"}"#, status: 202),
        HTTPExample("POST", "/v2/models/intents/infer", type: json, body: infer),
        HTTPExample("POST", "/v2/models/intents/versions/0123456789ab/infer", type: json, body: infer),
        HTTPExample("POST", "/v2/repository/index", type: json, body: "{}"),
        HTTPExample("GET", "/v2/models/stats"),
        HTTPExample("GET", "/v2/models/intents/config"),
        HTTPExample("GET", "/v2/models/intents/stats"),
        HTTPExample("GET", "/v2/models/intents/versions/0123456789ab"),
        HTTPExample("GET", "/v2/models/intents/versions/0123456789ab/ready"),
        HTTPExample("GET", "/v2/models/intents/versions/0123456789ab/config"),
        HTTPExample("GET", "/v2/models/intents/versions/0123456789ab/stats"),
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
        HTTPExample("GET", "/console/console.css"),
        HTTPExample("GET", "/console/icon.svg"),
        HTTPExample("GET", "/docs/docs.css"),
        HTTPExample("GET", "/docs/docs.js"),
        HTTPExample("GET", "/docs/swagger-ui.css"),
        HTTPExample("GET", "/docs/swagger-ui-bundle.js"),
        HTTPExample("GET", "/docs/favicon-32x32.png"),
        HTTPExample("GET", "/nothing", status: 404),
        HTTPExample("POST", "/health/live", type: json, body: sentence, status: 405),
    ]

    @Test("behaves as the standards want", arguments: examples) func behavesAsTheStandardsWant(example: HTTPExample)
        async throws
    {
        let gateway = try Self.gateway()
        try await gateway.application.test { client in
            // The model is known after an answer.
            _ = try await client.executeRequest(uri: "/api/intent?sentence=x", method: .get)
            let port = try #require(client.port)
            for problem in try await RawHTTPConnection.onThread({ try HTTPOddity.check(example, port: port) }) {
                Issue.record("\(problem)")
            }
        }
    }

    @Test("leave no route out") func leaveNoRouteOut() throws {
        for route in try Self.gateway().core.routeDescriptions {
            #expect(
                Self.examples.contains { $0.method == route.method && Self.fits($0.target, route.path) },
                "no example asks for \(route.method) \(route.path)")
        }
    }

    /// A gateway with every route that there can be: some stand for files that set-up places.
    private static func gateway() throws -> TestGateway {
        let folder = FileManager.default.temporaryDirectory.appending(path: "oddities-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for file in ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"] {
            try Data(repeating: 0x2F, count: 4_000).write(to: folder.appending(path: file))
        }
        return TestGateway {
            $0.maximumHeaderBytes = 32_768
            $0.documentationAssets = folder.path
        }
    }

    private static func fits(_ target: String, _ path: String) -> Bool {
        let segments = target.prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: false)
        let pattern = path.split(separator: "/", omittingEmptySubsequences: false)
        return segments.count == pattern.count && zip(segments, pattern).allSatisfy { $1.first == "{" || $0 == $1 }
    }
}
