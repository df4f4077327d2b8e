import Foundation
import Gateway
import GatewayTestSupport
import HTTPTypes
import NIOCore
import NIOHTTP1
import Platform
import Testing

@Suite("POST /v1/classify and /v1/classify/batch")
struct ClassifyRoutesTests {
    private let json: HTTPFields = [.contentType: "application/json"]
    private let distribution =
        #""confidence":0.900000,"probabilities":{"find-train":0.900000,"irrelevant":0.100000},"model":"intents@0123456789ab"}"#

    private func post(
        _ uri: String, _ body: String, to gateway: TestGateway = TestGateway(), headers: HTTPFields? = nil
    ) async throws -> TestResponse {
        try await gateway.application.test(.router) { client in
            try await client.executeRequest(
                uri: uri, method: .post, headers: headers ?? json, body: ByteBuffer(string: body))
        }
    }

    @Test("answers with the reply") func answersWithTheReply() async throws {
        let response = try await post("/v1/classify", #"{"id":"7\"","text":"un \u00e9t\u00e9","other":[{}]}"#)
        #expect(response.status == .ok)
        #expect(String(buffer: response.body) == #"{"id":"7\"","label":"find-train","# + distribution)
    }

    @Test(
        "the likeliest classes alone, as many as the body says",
        arguments: [
            ("/v1/classify", #"{"text":"x","id":"0","top":1}"#), ("/v1/classify/batch", #"{"top":1,"texts":["x"]}"#),
            ("/v1/classify/batch", #"{"top":5,"top":1,"texts":["x"]}"#),
            ("/v1/classify", #"{"text":"x","id":"0","top":1.0}"#),
        ])
    func top(uri: String, body: String) async throws {
        let response = try await post(uri, body)
        let result =
            #"{"id":"0","label":"find-train","confidence":0.900000,"probabilities":{"find-train":0.900000},"#
            + #""model":"intents@0123456789ab"}"#
        #expect(String(buffer: response.body) == (uri.contains("batch") ? "[\(result)]" : result))
    }

    @Test(
        "a number of classes that is none is refused",
        arguments: [
            ("/v1/classify", #"{"text":"x","top":0}"#), ("/v1/classify", #"{"text":"x","top":"1"}"#),
            ("/v1/classify", #"{"text":"x","top":1.5}"#), ("/v1/classify/batch", #"{"texts":["x"],"top":-1}"#),
        ])
    func noTop(uri: String, body: String) async throws {
        let response = try await post(uri, body)
        #expect(response.status == .badRequest)
        #expect(String(buffer: response.body).contains("invalid_parameter"))
    }

    @Test("makes an ID where there is none") func makesAnIDWhereThereIsNone() async throws {
        let response = try await post("/v1/classify", #"{"text":"x","id":null}"#)
        let reply = try JSONSerialization.jsonObject(with: Data(response.body.readableBytesView)) as? [String: Any]
        let id = try #require(reply?["id"] as? String)
        #expect(id.count == 32)
    }

    @Test("says where the answer came from and where the time went")
    func saysWhereTheAnswerCameFromAndWhereTheTimeWent() async throws {
        let gateway = TestGateway()
        let first = try await post("/v1/classify", #"{"text":"x"}"#, to: gateway)
        #expect(first.headers[.xCache] == "miss")
        #expect(first.headers[.timing]?.hasPrefix("queue;dur=1.5, classify;dur=0.02, total;dur=") == true)
        let second = try await post("/v1/classify", #"{"text":"x"}"#, to: gateway)
        #expect(second.headers[.xCache] == "hit")
        #expect(second.headers[.timing]?.hasPrefix("total;dur=") == true)
        let fresh = try await post(
            "/v1/classify", #"{"text":"x"}"#, to: gateway,
            headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-cache"])
        #expect(fresh.headers[.xCache] == "miss")
    }

    @Test(
        "refuses what is no sentence",
        arguments: [
            (#"{"text":"x""#, ProblemCode.malformedJSON), ("[]", .malformedJSON), ("", .malformedJSON),
            (#"{"text":"x"} {}"#, .malformedJSON), ("{}", .missingText), (#"{"text":1}"#, .missingText),
            (#"{"text":"\u00a0 "}"#, .emptyText),
            (#"{"text":"\#(String(repeating: "é", count: 4_097))"}"#, .textTooLong),
        ])
    func refusesWhatIsNoSentence(body: String, code: ProblemCode) async throws {
        let gateway = TestGateway()
        let response = try await post("/v1/classify", body, to: gateway)
        #expect(response.status == code.status)
        #expect(response.headers[.contentType] == "application/problem+json")
        #expect(String(buffer: response.body).contains(#""code":"\#(code.rawValue)""#))
        #expect(gateway.workers.requests.isEmpty)
    }

    @Test("takes sentences up to the limit") func takesSentencesUpToTheLimit() async throws {
        let text = String(repeating: "é", count: 4_096)
        let response = try await post("/v1/classify", #"{"text":"\#(text)"}"#)
        #expect(response.status == .ok)
    }

    @Test(
        "takes no other content type",
        arguments: [
            "text/plain", "application/x-www-form-urlencoded", "application/jsonx", nil,
        ])
    func takesNoOtherContentType(type: String?) async throws {
        var headers: HTTPFields = [:]
        headers[.contentType] = type
        let response = try await post("/v1/classify", #"{"text":"x"}"#, headers: headers)
        #expect(response.status == .unsupportedMediaType)
        #expect(
            String(buffer: response.body).contains(
                #""detail":"Content-Type must be application/json or application/cloudevents+json""#))
    }

    @Test("names what it takes of other content types on every route")
    func namesWhatItTakesOfOtherContentTypesOnEveryRoute() async throws {
        for path in ["/v1/classify/batch", "/v1/classify/stream", "/v1/sentences"] {
            let latin = try await post(path, "{}", headers: [.contentType: "text/json; charset=iso-8859-1"])
            #expect(latin.status == .unsupportedMediaType)
            #expect(String(buffer: latin.body).contains("the charset is neither UTF-8 nor US-ASCII"))
            let events = try await post(path, "[]", headers: [.contentType: "application/cloudevents-batch+json"])
            #expect(events.status == .unsupportedMediaType)
            #expect(String(buffer: events.body).contains("send each event by itself"))
        }
        let batch = try await post(
            "/v1/classify/batch", #"{"texts":["a"]}"#, headers: [.contentType: "application/vnd.example+json"])
        #expect(batch.status == .ok)
        let event = try await post(
            "/v1/classify/batch", #"{"texts":["a"]}"#, headers: [.contentType: "application/cloudevents+json"])
        #expect(event.status == .unsupportedMediaType)
    }

    @Test("refuses a timeout that is none", arguments: ["0", "-5", "x", "", "1.5"])
    func refusesATimeoutThatIsNone(value: String) async throws {
        let response = try await post(
            "/v1/classify", #"{"text":"x"}"#, headers: [.contentType: "application/json", .timeout: value])
        #expect(response.status == .badRequest)
    }

    @Test("shortens the timeout and never lengthens it") func shortensTheTimeoutAndNeverLengthensIt() async throws {
        let gateway = TestGateway { $0.requestTimeout = .seconds(5) }
        for (value, wait) in [("500", Int64(500)), ("9223372036854775807", 5_000)] {
            let before = UnixTime.milliseconds
            _ = try await post(
                "/v1/classify", #"{"text":"\#(value)"}"#, to: gateway,
                headers: [.contentType: "application/json", .timeout: value])
            // However slow the machine is, the deadline counts from a moment of this call.
            let deadline = try #require(gateway.workers.requests.last).deadline
            #expect((before + wait...UnixTime.milliseconds + wait).contains(deadline))
        }
    }

    @Test("passes the trace on") func passesTheTraceOn() async throws {
        let gateway = TestGateway()
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        _ = try await post(
            "/v1/classify", #"{"text":"x"}"#, to: gateway,
            headers: [.contentType: "application/json", .parent: parent, .state: "vendor=1"])
        _ = try await post(
            "/v1/classify", #"{"text":"y"}"#, to: gateway,
            headers: [.contentType: "application/json", .parent: "nonsense"])
        #expect(gateway.workers.requests.map(\.trace) == [CallerTrace(parent: parent, state: "vendor=1"), nil])
    }

    @Test(
        "says what the worker says",
        arguments: [
            (ProblemCode.classifierFailed, 502), (.replyTopicNotAllowed, 502), (.replyTooLarge, 502),
            (.textTooLong, 413),
            (.deadlineExceeded, 504),
        ])
    func saysWhatTheWorkerSays(code: ProblemCode, status: Int) async throws {
        let gateway = TestGateway(workers: InMemoryWorkers { .failure(of: $0, code) })
        let response = try await post("/v1/classify", #"{"text":"x"}"#, to: gateway)
        #expect(response.status.code == status)
        #expect(String(buffer: response.body).contains(#""detail":"as the test wants it""#))
    }

    @Test("tells when to try again") func tellsWhenToTryAgain() async throws {
        let gateway = TestGateway()
        gateway.exchange.availability = .unavailable("for the test")
        let response = try await post("/v1/classify", #"{"text":"x"}"#, to: gateway)
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] == "1")
    }

    // MARK: Batches

    @Test("answers a batch in order") func answersABatchInOrder() async throws {
        let response = try await post("/v1/classify/batch", #"{"texts":["a","b"]}"#)
        #expect(response.status == .ok)
        let result = #","label":"find-train","# + distribution
        #expect(String(buffer: response.body) == #"[{"id":"0""# + result + #",{"id":"1""# + result + "]")
    }

    @Test("puts errors in their place") func putsErrorsInTheirPlace() async throws {
        let gateway = TestGateway(
            workers: InMemoryWorkers { request in
                request.sentence == Sentence("bad")
                    ? .failure(of: request, .classifierFailed) : .classification(of: request)
            })
        let response = try await post("/v1/classify/batch", #"{"texts":["a"," ","bad","b"]}"#, to: gateway)
        #expect(response.status.code == 207)
        let results = try JSONSerialization.jsonObject(with: Data(response.body.readableBytesView)) as? [[String: Any]]
        #expect(results?.map { $0["id"] as? String } == ["0", "1", "2", "3"])
        #expect(results?.map { $0["label"] as? String } == ["find-train", nil, nil, "find-train"])
        let codes = results?.map { ($0["error"] as? [String: String])?["code"] }
        #expect(codes == [nil, "empty_text", "classifier_failed", nil])
    }

    @Test("answers a batch without any sentence that can be sent") func answersABatchWithoutAnySentenceThatCanBeSent()
        async throws
    {
        let response = try await post("/v1/classify/batch", #"{"texts":["",""]}"#)
        #expect(response.status.code == 207)
    }

    @Test(
        "refuses what is no batch",
        arguments: [
            (#"{"texts":[]}"#, ProblemCode.batchSize), (#"{"texts":["a","b","c"]}"#, .batchSize),
            ("{}", .missingText), (#"{"texts":"a"}"#, .missingText), (#"{"texts":["a",1]}"#, .missingText),
            (#"["a"]"#, .malformedJSON),
        ])
    func refusesWhatIsNoBatch(body: String, code: ProblemCode) async throws {
        let gateway = TestGateway { $0.maximumBatch = 2 }
        let response = try await post("/v1/classify/batch", body, to: gateway)
        #expect(response.status == code.status)
        #expect(String(buffer: response.body).contains(#""code":"\#(code.rawValue)""#))
    }

    @Test("refuses a body that is too large") func refusesABodyThatIsTooLarge() async throws {
        let gateway = TestGateway {
            $0.maximumTextBytes = 10
            $0.maximumBodyBytes = 100
        }
        let body = #"{"texts":["\#(String(repeating: "x", count: 100))"]}"#
        #expect(try await post("/v1/classify/batch", body, to: gateway).status == .payloadTooLarge)
    }
}

extension HTTPField.Name {
    static let xCache = HTTPField.Name("X-Cache")!
    static let timing = HTTPField.Name("Server-Timing")!
    static let timeout = HTTPField.Name("X-Request-Timeout-Ms")!
    static let parent = HTTPField.Name("traceparent")!
    static let state = HTTPField.Name("tracestate")!
    static let jsonLength = HTTPField.Name("Inference-Header-Content-Length")!
}
