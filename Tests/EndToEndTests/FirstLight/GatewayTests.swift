import AsyncHTTPClient
import Foundation
import Kafka
import Messages
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Gateway") struct GatewayTests {
        private let stage: Stage

        init() throws { stage = try Stage() }

        /// A worker, a gateway that is ready, and somebody to call it.
        private func serve() async throws -> (worker: TriageProcess, gateway: TriageProcess, client: WebClient) {
            let port = try freePort()
            let worker = try stage.startWorker()
            let gateway = try stage.startGateway(port: port)
            let client = WebClient(port: port)
            try await client.waitUntilReady(gateway)
            return (worker, gateway, client)
        }

        @Test("the gateway answers over HTTP what a worker classified, and 504 once none is left")
        func theGatewayAnswersOverHTTPWhatAWorkerClassified() async throws {
            let (worker, gateway, client) = try await serve()
            #expect(try await client.get("/health/live").status == 200)

            let sentence = SampleSentences.sentence(7)
            let classify = try TriageProcess(["classify", "--model", try SampleModel.path(), sentence])
            classify.closeInput()
            #expect(try classify.wait() == 0, "\(classify.errors)")
            let expected = try ClassifiedText.decode(classify.output.trimmingCharacters(in: .newlines))

            let encoded = try #require(sentence.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
            let intent = try await client.get("/api/intent?sentence=\(encoded)")
            #expect(intent.status == 200)
            #expect(try JSONDecoder().decode([String: Double].self, from: intent.body) == expected.probabilities)

            let posted = try await client.post("/v1/classify", json: "{\"text\":\"\(sentence)\"}")
            #expect(posted.status == 200)
            let reply = try JSONDecoder().decode(ClassifiedText.self, from: posted.body)
            #expect(reply.probabilities == expected.probabilities && reply.label == expected.label)
            #expect(reply.isDistribution)

            worker.signal(SIGTERM)
            #expect(try worker.wait(within: .seconds(15)) == 0, "\(worker.errors)")
            let late = try await client.post(
                "/v1/classify", json: "{\"text\":\"\(sentence)\"}", headers: ["x-request-timeout-ms": "700"])
            #expect(late.status == 504)
            #expect(late.contentType == "application/problem+json")

            gateway.signal(SIGTERM)
            #expect(try gateway.wait(within: .seconds(15)) == 0, "\(gateway.errors)")
        }

        /// Tansu cannot add partitions. How long the gateway leaves new ones alone is shown by its parts: that it uses them
        /// in the end, or that calls fail without it, would take minutes here.
        @Test(
            "partitions added while everything runs: workers read them soon, and no call fails meanwhile",
            .enabled(if: Broker.Kind.available != [.tansu]))
        func partitionsAddedWhileEverythingRunsWorkersReadThemSoon()
            async throws
        {
            let kind = Broker.Kind.available.first { $0 != .tansu }
            let stage = try Stage(partitions: 2, kind: kind)
            let port = try freePort()
            let worker = try stage.startWorker()
            let gateway = try stage.startGateway(port: port)
            let client = WebClient(port: port)
            try await client.waitUntilReady(gateway)
            let admin = try AdminClient(properties: stage.properties, log: stage.log)
            for topic in [stage.topics.requests, stage.topics.interactive] {
                try admin.addPartitions(to: topic, upTo: 4)
            }
            let request = StoredRecord(value: Array(#"{"id":"added","text":"un train"}"#.utf8))
            let added = try stage.publish([request], to: stage.topics.requests, partition: 3)
            var statuses: [UInt: Int] = [:]
            for number in 0..<300 {
                let sentence = #"{"text":"un train, le \#(number)"}"#
                statuses[try await client.post("/v1/classify", json: sentence).status, default: 0] += 1
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(statuses.keys.sorted() == [200], "\(statuses)")
            let reply = try stage.read(stage.topics.replies, count: 1)[0]
            #expect(reply.header(HeaderName.source) == added[0].source)
            #expect(worker.isRunning)
        }

        @Test("a gateway that is told to end answers what it has begun first") func aGatewayThatIsToldToEndAnswersWhat()
            async throws
        {
            let (worker, gateway, client) = try await serve()
            #expect(try await client.get("/api/intent?sentence=bonjour").status == 200)

            try worker.suspend()
            async let late = client.get("/api/intent?sentence=bonsoir")
            try await client.waitUntilWaiting(for: 1)
            gateway.signal(SIGTERM)
            try await Task.sleep(for: .milliseconds(500))
            #expect(gateway.isRunning, "a caller still waits")
            worker.signal(SIGCONT)
            #expect(try await late.status == 200)
            #expect(try gateway.wait(within: .seconds(15)) == 0, "\(gateway.errors)")
        }
    }
}

/// Calls one gateway.
struct WebClient {
    struct Response {
        var status: UInt
        var contentType: String?
        var body: Data
    }

    let port: Int

    func get(_ path: String, headers: [String: String] = [:]) async throws -> Response {
        var request = request(path)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        return try await send(request)
    }

    func post(_ path: String, json: String, headers: [String: String] = [:]) async throws -> Response {
        let fields =
            [(name: "content-type", value: "application/json")] + headers.map { (name: $0.key, value: $0.value) }
        return try await post(path, body: Array(json.utf8), headers: fields)
    }

    func post(_ path: String, body: [UInt8], headers: [(name: String, value: String)]) async throws -> Response {
        var request = request(path)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        return try await send(request)
    }

    /// Waits until its readiness probe succeeds.
    func waitUntilReady(_ gateway: TriageProcess, within limit: Duration = .seconds(30)) async throws {
        let deadline = ContinuousClock.now + limit
        while await (try? get("/health/ready"))?.status != 200 {
            guard gateway.isRunning, ContinuousClock.now < deadline else {
                throw TimedOut(what: "a ready gateway", details: gateway.errors)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Waits until as many sentences wait for their answers.
    func waitUntilWaiting(for count: Int, within limit: Duration = .seconds(10)) async throws {
        let deadline = ContinuousClock.now + limit
        let line = "\ntriage_gateway_waiting_sentences \(count)\n"
        while !String(decoding: try await get("/metrics").body, as: UTF8.self).contains(line) {
            guard ContinuousClock.now < deadline else {
                throw TimedOut(what: "\(count) waiting sentences", details: "")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func request(_ path: String) -> HTTPClientRequest {
        HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
    }

    private func send(_ request: HTTPClientRequest) async throws -> Response {
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let body = try await response.body.collect(upTo: 1 << 24)
        let contentType = response.headers.first(name: "content-type")
        if let contentType, contentType.hasSuffix("json"), let path = URL(string: request.url)?.path {
            SeenAnswers.shared.add(
                to: "\(request.method.rawValue) \(path) \(response.status.code) \(contentType)", String(buffer: body))
        }
        return Response(
            status: response.status.code, contentType: contentType, body: Data(body.readableBytesView))
    }
}
