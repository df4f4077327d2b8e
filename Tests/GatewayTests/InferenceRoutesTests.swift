import Gateway
import HTTPTypes
import NIOCore
import NIOHTTP1
import Testing

@Suite("Open Inference Protocol")
struct InferenceRoutesTests {
    /// A request with one input that has a name and these fields.
    private static func input(_ fields: String) -> String { #"{"inputs":[{"name":"x",\#(fields)}]}"# }

    /// A request that is right but for this member.
    private static func with(_ member: String) -> String {
        #"{\#(member),"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a"]}]}"#
    }

    /// A gateway that has learnt its model.
    private func gateway(_ configure: (inout GatewayConfiguration) -> Void = { _ in }) async throws -> TestGateway {
        let gateway = TestGateway(configure)
        _ = try await gateway.exchange.classify(
            [Sentence("bonjour")], deadline: Deadline(in: .seconds(1)), usesCache: false, trace: nil)
        return gateway
    }

    private func send(
        _ uri: String, _ body: ByteBuffer? = nil, headers: HTTPFields = [:], to gateway: TestGateway
    ) async throws -> TestResponse {
        try await gateway.application.test(.router) { client in
            try await client.executeRequest(
                uri: uri, method: body == nil ? .get : .post, headers: headers, body: body)
        }
    }

    private func infer(
        _ body: String, headers: HTTPFields = [.contentType: "application/json"], to gateway: TestGateway
    ) async throws -> TestResponse {
        try await send("/v2/models/intents/infer", ByteBuffer(string: body), headers: headers, to: gateway)
    }

    @Test func infers() async throws {
        let body = """
            {"id":"42","inputs":[{"name":"predict","shape":[2,1],"datatype":"BYTES","data":[["un"],["deux"]],
            "parameters":{"content_type":"str"}}]}
            """
        let gateway = try await gateway()
        let response = try await infer(body, to: gateway)
        #expect(response.status == .ok)
        let expected =
            #"{"model_name":"intents","model_version":"0123456789ab","id":"42","outputs":["#
            + #"{"name":"probabilities","datatype":"FP32","shape":[2,2],"data":[0.900000,0.100000,0.900000,0.100000]},"#
            + #"{"name":"label","datatype":"BYTES","shape":[2],"parameters":{"content_type":"str"},"#
            + #""data":["find-train","find-train"]}]}"#
        #expect(String(buffer: response.body) == expected)
        #expect(gateway.workers.requests.suffix(2).map(\.sentence) == [Sentence("un"), Sentence("deux")])
    }

    @Test func answersWithTheOutputsThatAreWanted() async throws {
        let body =
            #"{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a"]}],"outputs":[{"name":"label"}]}"#
        let response = try await infer(body, to: gateway())
        #expect(String(buffer: response.body).contains(#""name":"label""#))
        #expect(!String(buffer: response.body).contains(#""name":"probabilities""#))
    }

    @Test func takesNullForWhatMayBeLeftOut() async throws {
        let body =
            #"{"id":null,"parameters":null,"outputs":null,"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","#
            + #""parameters":null,"data":["a"]}]}"#
        let response = try await infer(body, to: gateway())
        #expect(response.status == .ok, "as pydantic writes it, which MLServer's clients stand on")
    }

    @Test func exchangesTensorsAsBytes() async throws {
        let json =
            #"{"inputs":[{"name":"x","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":15}}],"#
            + #""parameters":{"binary_data_output":true}}"#
        var body = ByteBuffer(string: json)
        for text in ["un", "deux!"] {
            body.writeInteger(UInt32(text.utf8.count), endianness: .little)
            body.writeString(text)
        }
        let gateway = try await gateway()
        let response = try await send(
            "/v2/models/intents/versions/0123456789ab/infer", body,
            headers: [.contentType: "application/octet-stream", .jsonLength: String(json.utf8.count)], to: gateway)
        #expect(response.status == .ok)
        #expect(response.headers[.contentType] == "application/octet-stream")
        #expect(gateway.workers.requests.suffix(2).map(\.sentence) == [Sentence("un"), Sentence("deux!")])
        var bytes = response.body
        let length = try #require(Int(response.headers[.jsonLength] ?? ""))
        let header = bytes.readString(length: length) ?? ""
        #expect(header.contains(#""shape":[2,2],"parameters":{"binary_data_size":16}"#))
        #expect(header.contains(#""shape":[2],"parameters":{"binary_data_size":28}"#))
        let probabilities = (0..<4).map { _ in
            bytes.readInteger(endianness: .little, as: UInt32.self).map { Float(bitPattern: $0) }
        }
        #expect(probabilities == [0.9, 0.1, 0.9, 0.1])
        let labels = (0..<2).map { _ in
            bytes.readInteger(endianness: .little, as: UInt32.self).flatMap { bytes.readString(length: Int($0)) }
        }
        #expect(labels == ["find-train", "find-train"])
        #expect(bytes.readableBytes == 0)
    }

    @Test(arguments: [
        ("{}", ProblemCode.missingText), (#"{"inputs":[]}"#, .missingText), ("[]", .invalidParameter),
        (#"{"inputs":{}}"#, .invalidParameter), (#"{"inputs":["a"]}"#, .invalidParameter),
        (input(#""shape":[1],"datatype":"FP32","data":[1.0]"#), .invalidParameter),
        (input(#""shape":[2],"datatype":"BYTES","data":["a"]"#), .invalidParameter),
        (input(#""shape":[-1,-1],"datatype":"BYTES","data":["a"]"#), .invalidParameter),
        (input(#""shape":["x"],"datatype":"BYTES","data":["a"]"#), .invalidParameter),
        (input(#""shape":[9223372036854775807,9],"datatype":"BYTES","data":["a"]"#), .invalidParameter),
        (input(#""datatype":"BYTES","data":["a"]"#), .invalidParameter),
        (input(#""shape":[1],"datatype":"BYTES","data":[1]"#), .invalidParameter),
        (input(#""shape":[1],"datatype":"BYTES""#), .missingText),
        (input(#""shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":9}"#), .invalidParameter),
        (input(#""shape":[0],"datatype":"BYTES","data":[]"#), .batchSize),
        (input(#""shape":[3],"datatype":"BYTES","data":["a","b","c"]"#), .batchSize),
        (input(#""shape":[1],"datatype":"BYTES","data":[" "]"#), .emptyText),
        (with(#""outputs":[{"name":"x"}]"#), .invalidParameter),
        (with(#""id":5"#), .invalidParameter),
        (#"{"inputs":[{"shape":[1],"datatype":"BYTES","data":["a"]}]}"#, .invalidParameter),
        (#"{"inputs":[{"name":5,"shape":[1],"datatype":"BYTES","data":["a"]}]}"#, .invalidParameter),
        (input(#""shape":1,"datatype":"BYTES","data":["a"]"#), .invalidParameter),
        (input(#""shape":[1],"datatype":"BYTES","data":"a""#), .invalidParameter),
        (input(#""shape":[1],"datatype":5,"data":["a"]"#), .invalidParameter),
        (with(#""parameters":[]"#), .invalidParameter),
        (input(#""shape":[1],"datatype":"BYTES","data":["a"],"parameters":"p""#), .invalidParameter),
        (with(#""outputs":[{"name":"label","parameters":[]}]"#), .invalidParameter),
        (with(#""outputs":[{"name":5}]"#), .invalidParameter),
    ])
    func refusesWhatIsNoInference(body: String, code: ProblemCode) async throws {
        let response = try await infer(body, to: gateway { $0.maximumBatch = 2 })
        #expect(response.status == code.status, "\(String(buffer: response.body))")
        #expect(String(buffer: response.body).contains(#""code":"\#(code.rawValue)""#))
        #expect(String(buffer: response.body).contains(#""error":""#), "where clients of the protocol look")
    }

    @Test func describesServerAndModel() async throws {
        let gateway = try await gateway()
        let server = try await send("/v2", to: gateway)
        #expect(String(buffer: server.body).contains(#""name":"triage""#))
        let model = try await send("/v2/models/intents", to: gateway)
        #expect(String(buffer: model.body).contains(#""parameters":{"labels":["find-train","irrelevant"]}"#))
        for path in ["/v2/models/intents/ready", "/v2/models/intents/versions/0123456789ab/ready", "/v2/health/ready"] {
            #expect(try await send(path, to: gateway).status == .ok)
        }
    }

    @Test func knowsOneModelOnly() async throws {
        let gateway = try await gateway()
        for path in ["/v2/models/other", "/v2/models/intents/versions/1", "/v2/models/other/ready"] {
            #expect(try await send(path, to: gateway).status == .notFound)
        }
    }

    @Test func knowsNoModelBeforeAWorkerHasAnswered() async throws {
        let gateway = TestGateway()
        #expect(try await send("/v2/models/intents", to: gateway).status == .serviceUnavailable)
        #expect(try await send("/v2/models/intents/ready", to: gateway).status == .serviceUnavailable)
        #expect(try await send("/v2/health/live", to: gateway).status == .ok)
    }
}
