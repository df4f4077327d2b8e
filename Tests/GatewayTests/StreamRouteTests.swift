import Gateway
import GatewayTestSupport
import HTTPTypes
import NIOCore
import NIOHTTP1
import Testing

@Suite("POST /v1/classify/stream")
struct StreamRouteTests {
    private func stream(
        _ body: String, type: String = "application/x-ndjson", gateway: TestGateway = TestGateway(),
        setup: TestingSetup = .router
    ) async throws -> [String] {
        let response = try await gateway.application.test(setup) { client in
            try await client.executeRequest(
                uri: "/v1/classify/stream", method: .post, headers: [.contentType: type], body: ByteBuffer(string: body)
            )
        }
        #expect(response.status == .ok)
        #expect(response.headers[.contentType] == "application/x-ndjson")
        let text = String(buffer: response.body)
        #expect(text.isEmpty || text.hasSuffix("\n"))
        return text.split(separator: "\n").map(String.init)
    }

    private func ids(_ lines: [String]) -> [Substring] {
        lines.map { $0.dropFirst(#"{"id":""#.count).prefix { $0 != "\"" } }
    }

    @Test("answers line by line in order", arguments: [TestingSetup.router, .live])
    func answersLineByLineInOrder(setup: TestingSetup) async throws {
        let count = 5_000
        let body = (1...count).map { #"{"text":"phrase \#($0)"}"# + "\n" }.joined()
        let lines = try await stream(body, setup: setup)
        #expect(ids(lines) == (1...count).map { Substring(String($0)) })
        #expect(lines.allSatisfy { $0.contains(#""label":"find-train""#) })
    }

    @Test("each line says how many classes it wants") func eachLineSaysHowManyClassesItWants() async throws {
        let lines = try await stream(
            #"{"text":"a","top":1}"# + "\n" + #"{"text":"b"}"# + "\n" + #"{"text":"c","top":0}"# + "\n")
        #expect(lines.map { $0.contains("find-train") && !$0.contains("irrelevant") } == [true, false, false])
        #expect(lines[1].contains(#""irrelevant":0.1"#) && lines[2].contains("invalid_parameter"))
    }

    @Test("keeps the order when answers come in another") func keepsTheOrderWhenAnswersComeInAnother() async throws {
        let workers = InMemoryWorkers(answer: nil)
        let gateway = TestGateway(workers: workers) { $0.cacheSize = 0 }
        let count = 300
        let body = (1...count).map { "phrase \($0)\n" }.joined()
        async let lines = stream(body, type: "text/plain", gateway: gateway)
        var answered = 0
        while answered < count {
            let requests = workers.requests
            for request in requests[answered...].reversed() { gateway.exchange.receive([.classification(of: request)]) }
            answered = requests.count
            await Task.yield()
        }
        #expect(try await ids(lines) == (1...count).map { Substring(String($0)) })
    }

    @Test("holds no more than its window") func holdsNoMoreThanItsWindow() async throws {
        let workers = InMemoryWorkers(answer: nil)
        let gateway = TestGateway(workers: workers) {
            $0.cacheSize = 0
            $0.streamWindow = 256
        }
        let count = 3_000
        async let lines = stream((1...count).map { "phrase \($0)\n" }.joined(), type: "text/plain", gateway: gateway)
        var answered = 0
        var most = 0
        while answered < count {
            let requests = workers.requests
            most = max(most, requests.count - answered)
            // Only now and then, so that the stream has time to run ahead if it would.
            for _ in 0..<50 { await Task.yield() }
            gateway.exchange.receive(requests[answered...].map { .classification(of: $0) })
            answered = requests.count
        }
        #expect(try await lines.count == count)
        // Two groups in the window, one being written, one being sent.
        #expect(most <= 4 * 128)
    }

    @Test("puts errors in their place") func putsErrorsInTheirPlace() async throws {
        let body = """
            {"text":"a","id":"first"}

            {"text":"b"
            {"text":"","id":"third"}
            "c"
            {"text":"d"}
            """
        let lines = try await stream(body)
        #expect(ids(lines) == ["first", "2", "third", "4", "5"])
        #expect(lines[1].contains(#""code":"malformed_json""#))
        #expect(lines[2].contains(#""code":"empty_text""#))
        #expect(lines[3].contains(#""code":"malformed_json""#))
        #expect(lines[4].contains(#""label":"find-train""#))
    }

    @Test("cuts off lines that are too long") func cutsOffLinesThatAreTooLong() async throws {
        let gateway = TestGateway { $0.maximumTextBytes = 10 }
        let body = "ok\n" + String(repeating: "x", count: 200_000) + "\nok"
        let lines = try await stream(body, type: "text/plain", gateway: gateway)
        #expect(lines.count == 3)
        #expect(lines[1].contains(#""code":"text_too_long""#))
        #expect(lines[2].contains(#""label":"find-train""#))
    }

    @Test("waits while the gateway is full") func waitsWhileTheGatewayIsFull() async throws {
        let workers = InMemoryWorkers(answer: nil)
        let gateway = TestGateway(workers: workers) {
            $0.cacheSize = 0
            $0.maximumWaitingSentences = 128
            $0.maximumBatch = 1
        }
        async let lines = stream((1...500).map { "phrase \($0)\n" }.joined(), type: "text/plain", gateway: gateway)
        var answered = 0
        while answered < 500 {
            let requests = workers.requests
            gateway.exchange.receive(requests[answered...].map { .classification(of: $0) })
            answered = requests.count
            await Task.yield()
        }
        #expect(try await lines.allSatisfy { $0.contains(#""label":"find-train""#) })
    }

    @Test("answers nothing to nothing") func answersNothingToNothing() async throws {
        #expect(try await stream("").isEmpty)
        #expect(try await stream("\n\r\n  \n").isEmpty)
    }

    @Test("refuses the whole stream before it begins") func refusesTheWholeStreamBeforeItBegins() async throws {
        let gateway = TestGateway()
        gateway.exchange.availability = .unavailable("for the test")
        try await gateway.application.test(.router) { client in
            let away = try await client.executeRequest(
                uri: "/v1/classify/stream", method: .post, headers: [.contentType: "application/x-ndjson"],
                body: ByteBuffer(string: "x"))
            #expect(away.status == .serviceUnavailable)
            let type = try await client.executeRequest(
                uri: "/v1/classify/stream", method: .post, headers: [.contentType: "image/png"],
                body: ByteBuffer(string: "x"))
            #expect(type.status == .unsupportedMediaType)
        }
    }
}
