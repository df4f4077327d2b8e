import Gateway
import GatewayTestSupport
import HTTPTypes
import NIOCore
import NIOHTTP1
import Testing

@Suite("Requests that no route takes, and origins")
struct UnmatchedRequestTests {
    private func send(
        _ method: HTTPRequest.Method, _ uri: String, _ headers: HTTPFields = [:], gateway: TestGateway = TestGateway()
    ) async throws -> TestResponse {
        try await gateway.application.test(.router) { client in
            try await client.executeRequest(uri: uri, method: method, headers: headers, body: nil)
        }
    }

    @Test("says that there is no such route", arguments: ["/nothing", "/v1", "/v1/classify/other", "/docs/nothing"])
    func saysThatThereIsNoSuchRoute(path: String) async throws {
        let response = try await send(.get, path)
        #expect(response.status == .notFound)
        #expect(response.headers[.contentType] == "application/problem+json")
    }

    @Test("says which methods a route takes") func saysWhichMethodsARouteTakes() async throws {
        let response = try await send(.delete, "/v1/classify")
        #expect(response.status == .methodNotAllowed)
        #expect(response.headers[.allow] == "POST, OPTIONS")
        #expect(try await send(.post, "/v2/models/x/ready").headers[.allow] == "GET, HEAD, OPTIONS")
        let options = try await send(.options, "/v1/classify")
        #expect(options.status == .noContent)
        #expect(options.headers[.allow] == "POST, OPTIONS")
    }

    @Test("answers head like get") func answersHeadLikeGet() async throws {
        let response = try await send(.head, "/health/live")
        #expect(response.status == .ok)
        #expect(response.body.readableBytes == 0)
    }

    @Test("allows no other origin unless told to") func allowsNoOtherOriginUnlessToldTo() async throws {
        let gateway = TestGateway()
        let headers: HTTPFields = [.origin: "https://example.org", .accessControlRequestMethod: "POST"]
        let preflight = try await send(.options, "/v1/classify", headers, gateway: gateway)
        #expect(preflight.headers[.accessControlAllowOrigin] == nil)
        let response = try await send(.get, "/health/live", headers, gateway: gateway)
        #expect(response.headers[.accessControlAllowOrigin] == nil)
    }

    @Test("allows the origins that are configured") func allowsTheOriginsThatAreConfigured() async throws {
        let gateway = TestGateway { $0.allowedOrigins = ["https://example.org"] }
        let headers: HTTPFields = [.origin: "https://example.org", .accessControlRequestMethod: "POST"]
        let preflight = try await send(.options, "/v1/classify", headers, gateway: gateway)
        #expect(preflight.status == .noContent)
        #expect(preflight.headers[.accessControlAllowOrigin] == "https://example.org")
        #expect(preflight.headers[.accessControlAllowMethods] == "POST, OPTIONS")
        let other = try await send(.options, "/v1/classify", [.origin: "https://example.com"], gateway: gateway)
        #expect(other.headers[.accessControlAllowOrigin] == nil)
    }

    @Test("keeps pages to themselves") func keepsPagesToThemselves() async throws {
        for page in ["/", "/docs", "/console/console.js"] {
            let response = try await send(.get, page)
            #expect(response.status == .ok)
            let policy = try #require(response.headers[.contentSecurityPolicy])
            #expect(policy.contains("default-src 'none'"))
            #expect(!policy.contains("unsafe"))
            #expect(response.headers[.xContentTypeOptions] == "nosniff")
        }
    }

    @Test("counts requests by route and status") func countsRequestsByRouteAndStatus() async throws {
        let gateway = TestGateway()
        _ = try await send(.get, "/api/intent?sentence=x", gateway: gateway)
        _ = try await send(.get, "/api/intent", gateway: gateway)
        _ = try await send(.get, "/nothing", gateway: gateway)
        let metrics = String(buffer: try await send(.get, "/metrics", gateway: gateway).body)
        #expect(metrics.contains(#"triage_gateway_requests_total{route="/api/intent",status="200"} 1"#))
        #expect(metrics.contains(#"triage_gateway_requests_total{route="/api/intent",status="422"} 1"#))
        #expect(metrics.contains(#"triage_gateway_requests_total{route="other",status="404"} 1"#))
        #expect(metrics.contains("triage_gateway_cache_misses_total 1"))
        #expect(metrics.contains("triage_gateway_ready 1"))
        #expect(metrics.contains(#"triage_gateway_request_duration_seconds_count{route="/api/intent"} 2"#))
    }

    @Test("is ready only when it can answer") func isReadyOnlyWhenItCanAnswer() async throws {
        let gateway = TestGateway()
        gateway.exchange.availability = .unavailable("for the test")
        for path in ["/health", "/health/ready", "/v2/health/ready"] {
            #expect(try await send(.get, path, gateway: gateway).status == .serviceUnavailable)
        }
        #expect(try await send(.get, "/health/live", gateway: gateway).status == .ok)
        gateway.exchange.availability = .available
        #expect(try await send(.get, "/health", gateway: gateway).status == .ok)
    }
}
