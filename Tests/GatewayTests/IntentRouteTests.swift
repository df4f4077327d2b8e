import Gateway
import GatewayTestSupport
import HTTPTypes
import NIOCore
import NIOHTTP1
import Testing

@Suite("GET /api/intent")
struct IntentRouteTests {
    @Test("answers from class to probability and nothing else", arguments: [TestingSetup.router, .live])
    func answersFromClassToProbabilityAndNothingElse(setup: TestingSetup) async throws {
        let gateway = TestGateway()
        try await gateway.application.test(setup) { client in
            try await client.execute(uri: "/api/intent?sentence=je%20cherche+un%20h%C3%B4tel", method: .get) {
                response in
                #expect(response.status == .ok)
                #expect(response.headers[.contentType] == "application/json")
                #expect(String(buffer: response.body) == #"{"find-train":0.900000,"irrelevant":0.100000}"#)
            }
        }
        #expect(gateway.workers.requests.map(\.sentence) == [Sentence("je cherche un hôtel")])
    }

    @Test(
        "refuses what is no sentence",
        arguments: [
            ("/api/intent", ProblemCode.missingText), ("/api/intent?sentence=", .emptyText),
            ("/api/intent?sentence=%20%C2%A0", .emptyText), ("/api/intent?sentence=%FF", .invalidUTF8),
            ("/api/intent?sentence=%", .invalidParameter), ("/api/intent?sentence=%zz", .invalidParameter),
        ])
    func refusesWhatIsNoSentence(uri: String, code: ProblemCode) async throws {
        let gateway = TestGateway()
        try await gateway.application.test(.router) { client in
            try await client.execute(uri: uri, method: .get) { response in
                #expect(response.status == code.status)
                #expect(response.headers[.contentType] == "application/problem+json")
                #expect(String(buffer: response.body).contains(#""code":"\#(code.rawValue)""#))
            }
        }
        #expect(gateway.workers.requests.isEmpty)
    }

    @Test("says that nobody answered in time") func saysThatNobodyAnsweredInTime() async throws {
        let gateway = TestGateway(workers: InMemoryWorkers(answer: nil)) { $0.requestTimeout = .milliseconds(1) }
        try await gateway.application.test(.router) { client in
            async let response = client.executeRequest(
                uri: "/api/intent?sentence=x", method: .get, headers: [:], body: nil)
            while gateway.workers.requests.isEmpty { await Task.yield() }
            while gateway.exchange.snapshot.waiting > 0 {
                gateway.exchange.expire()
                await Task.yield()
            }
            let status = try await response.status
            #expect(status == .gatewayTimeout)
        }
    }
}
