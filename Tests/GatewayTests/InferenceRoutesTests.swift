import Foundation
import Gateway
import GatewayTestSupport
import HTTPTypes
import NIOCore
import NIOHTTP1
import Telemetry
import Testing

@Suite("Open Inference Protocol")
struct InferenceRoutesTests {
    /// A request with one input that has a name and these fields.
    private static func input(_ fields: String) -> String { #"{"inputs":[{"name":"x",\#(fields)}]}"# }

    /// A request with these inputs.
    private static func inputs(_ inputs: String...) -> String { #"{"inputs":[\#(inputs.joined(separator: ","))]}"# }

    /// An input of one sentence.
    private static func text(_ name: String, _ fields: String = #""data":["a"]"#) -> String {
        #"{"name":"\#(name)","shape":[1],"datatype":"BYTES",\#(fields)}"#
    }

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

    @Test("infers") func infers() async throws {
        let body = """
            {"id":"42","inputs":[{"name":"predict","shape":[2,1],"datatype":"BYTES","data":[["un"],["deux"]],
            "parameters":{"content_type":"str"}}]}
            """
        let gateway = try await gateway()
        let response = try await infer(body, to: gateway)
        #expect(response.status == .ok)
        let expected =
            #"{"model_name":"intents","model_version":"0123456789ab","id":"42","outputs":["#
            + #"{"name":"probabilities","datatype":"FP32","shape":[2,2],"parameters":{"content_type":"np"},"#
            + #""data":[0.900000,0.100000,0.900000,0.100000]},"#
            + #"{"name":"label","datatype":"BYTES","shape":[2],"parameters":{"content_type":"str"},"#
            + #""data":["find-train","find-train"]}]}"#
        #expect(String(buffer: response.body) == expected)
        #expect(gateway.workers.requests.suffix(2).map(\.sentence) == [Sentence("un"), Sentence("deux")])
    }

    @Test("answers with the outputs that are wanted") func answersWithTheOutputsThatAreWanted() async throws {
        let body =
            #"{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a"]}],"outputs":[{"name":"label"}]}"#
        let response = try await infer(body, to: gateway())
        #expect(String(buffer: response.body).contains(#""name":"label""#))
        #expect(!String(buffer: response.body).contains(#""name":"probabilities""#))
    }

    @Test("takes null for what may be left out") func takesNullForWhatMayBeLeftOut() async throws {
        let body =
            #"{"id":null,"parameters":null,"outputs":null,"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","#
            + #""parameters":null,"data":["a"]}]}"#
        let response = try await infer(body, to: gateway())
        #expect(response.status == .ok, "as pydantic writes it, which MLServer's clients stand on")
    }

    @Test("exchanges tensors as bytes") func exchangesTensorsAsBytes() async throws {
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

    @Test(
        "refuses what is no inference",
        arguments: [
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

    /// What is refused, and what the error says of it.
    @Test(
        "says by name what it does not take",
        arguments: [
            (inputs(text("ids"), text("text")), "there is no input ids; the model takes one, text"),
            (inputs(text("text"), text("ids")), "there is no input ids; the model takes one, text"),
            (inputs(text("text"), text("text")), "the input text is there twice"),
            (inputs(text("text"), #"{"name":"n","shape":[1],"datatype":"INT64","data":[1]}"#), "there is no input n"),
            (inputs(text("a"), text("b")), "there is no input a"),
            (
                inputs(text(String(repeating: "n", count: 500)), text("text")),
                "there is no input \(String(repeating: "n", count: 48))…"
            ),
            (input(#""shape":[1],"datatype":"BYTES","data":["a"],"parameters":{"content_type":"hf"}"#), "not hf"),
            (
                input(#""shape":[1],"datatype":"BYTES","data":["a"],"parameters":{"content_type":"pd"}"#),
                "the input x must"
            ),
            (input(#""shape":[1],"datatype":"BYTES","data":["a"],"parameters":{"content_type":5}"#), "content_type"),
            (
                with(#""parameters":{"content_type":"base64"}"#),
                "the content type of the request must be str or np or pd"
            ),
            (with(#""outputs":[{"name":"label","parameters":{"content_type":"base64"}}]"#), "of the output label"),
            (
                input(#""shape":[2],"datatype":"BYTES","data":["YQ==","?"],"parameters":{"content_type":"base64"}"#),
                "element 1: it is not Base64"
            ),
            (input(#""shape":[3],"datatype":"BYTES","data":["a","b",3]"#), "element 2: it is not a string"),
            (input(#""shape":[2],"datatype":"BYTES","data":["a",""]"#), "element 1: "),
            (
                input(#""shape":[1],"datatype":"BYTES","data":["a"],"parameters":{"binary_data_size":0}"#),
                "the input x has both data and binary_data_size"
            ),
            (
                input(#""shape":[1],"datatype":"BYTES","parameters":{"shared_memory_region":"r"}"#),
                "shared_memory_region of inputs[0] is not supported"
            ),
            (with(#""outputs":[{"name":"label"},{"name":"label"}]"#), "the output label is asked for twice"),
            (with(#""outputs":[{"name":"other"}]"#), "there is no output other"),
            (with(#""outputs":[{}]"#), "outputs[0] has no name"),
            (with(#""outputs":[{"name":"label","parameters":{"classification":1}}]"#), "label has no classification"),
            (
                with(#""outputs":[{"name":"probabilities","parameters":{"classification":-1}}]"#),
                "classification of outputs[0]"
            ),
            (with(#""outputs":[{"name":"probabilities","parameters":{"classification":"1"}}]"#), "whole number"),
            (
                with(#""parameters":{"binary_data_output":1}"#),
                "binary_data_output of the request must be true or false"
            ),
        ])
    func saysByNameWhatItDoesNotTake(body: String, detail: String) async throws {
        let gateway = try await gateway()
        let before = gateway.workers.requests.count
        let response = try await infer(body, to: gateway)
        #expect((400..<500).contains(response.status.code))
        // KServe's client shows the error of nothing but plain JSON.
        #expect(response.headers[.contentType] == "application/json")
        let error = try #require(object(response)["error"] as? String)
        #expect(error.contains(detail))
        #expect(gateway.workers.requests.count == before, "nothing of it is classified")
    }

    @Test("refuses bytes that belong to no input") func refusesBytesThatBelongToNoInput() async throws {
        let json = Self.inputs(Self.text("text"))
        let response = try await send(
            "/v2/models/intents/infer", ByteBuffer(string: json + "more"),
            headers: [.jsonLength: String(json.utf8.count)], to: try await gateway())
        #expect(response.status == .badRequest)
        #expect(String(buffer: response.body).contains("4 bytes after the JSON belong to no input"))
    }

    /// Of fields with one name the last counts, as Python, Java and JavaScript read it.
    @Test("takes the last of fields with one name") func takesTheLastOfFieldsWithOneName() async throws {
        let body =
            #"{"id":5,"inputs":[{"name":"n"}],"outputs":7,"parameters":{"content_type":5,"content_type":"str"},"id":"42","#
            + #""inputs":[{"name":5,"name":"text","shape":["x"],"shape":[1],"datatype":"BYTES","data":[1],"data":["last"]}],"#
            + #""outputs":[{"name":"label"}]}"#
        let gateway = try await gateway()
        let response = try await infer(body, to: gateway)
        #expect(response.status == .ok, "\(String(buffer: response.body))")
        #expect(gateway.workers.requests.last?.sentence == Sentence("last"))
        #expect(String(buffer: response.body).contains(#""id":"42""#))
    }

    @Test("decodes base 64") func decodesBase64() async throws {
        let body = Self.input(
            #""shape":[2,1],"datatype":"BYTES","data":["dW4gaMO0dGVs","dHJhaW4="],"parameters":{"content_type":"base64"}"#
        )
        let gateway = try await gateway()
        #expect(try await infer(body, to: gateway).status == .ok)
        #expect(gateway.workers.requests.suffix(2).map(\.sentence) == [Sentence("un hôtel"), Sentence("train")])
    }

    @Test("names the likeliest classes as Triton does") func namesTheLikeliestClassesAsTritonDoes() async throws {
        let gateway = try await gateway()
        let model = ModelInformation(identifier: "intents@1", labels: ["a", "b\"", "c", "d"])
        gateway.workers.answer { request in
            .classification(
                of: request, "b\"", #"{"a":0.200000,"b\"":0.400000,"c":0.200000,"d":0.200000}"#, model: model)
        }
        let body = Self.with(#""outputs":[{"name":"probabilities","parameters":{"classification":3}}]"#)
        let output = try #require(try outputs(await infer(body, to: gateway)).first)
        #expect(output["datatype"] as? String == "BYTES")
        #expect(output["shape"] as? [Int] == [1, 3])
        #expect(output["parameters"] as? [String: String] == ["content_type": "str"])
        #expect(output["data"] as? [String] == ["0.400000:1:b\"", "0.200000:0:a", "0.200000:2:c"])

        let binary = Self.with(
            #""outputs":[{"name":"probabilities","parameters":{"classification":9,"binary_data":true}}]"#)
        let response = try await infer(binary, to: gateway)
        var bytes = response.body
        let header = bytes.readString(length: try #require(Int(response.headers[.jsonLength] ?? ""))) ?? ""
        #expect(header.contains(#""shape":[1,4],"parameters":{"binary_data_size":\#(bytes.readableBytes)}"#))
        #expect(bytes.readInteger(endianness: .little, as: UInt32.self) == 13)
        #expect(bytes.readString(length: 13) == "0.400000:1:b\"")
    }

    /// `PandasCodec` makes a column of each output, and takes each element of its data for a row.
    @Test("answers tables with a row for each sentence") func answersTablesWithARowForEachSentence() async throws {
        let body =
            #"{"parameters":{"content_type":"pd"},"inputs":[{"name":"text","shape":[2,1],"datatype":"BYTES","#
            + #""parameters":{"content_type":"str"},"data":["un","deux"]}]}"#
        let response = try await infer(body, to: gateway())
        #expect(try object(response)["parameters"] as? [String: String] == ["content_type": "pd"])
        let outputs = try outputs(response)
        #expect(outputs.first?["data"] as? [[Double]] == [[0.9, 0.1], [0.9, 0.1]])
        #expect(outputs.first?["shape"] as? [Int] == [2, 2])
        #expect(outputs.last?["data"] as? [String] == ["find-train", "find-train"])
    }

    @Test("tells the confidence if it is asked for, as numbers or as bytes") func confidence() async throws {
        let response = try await infer(Self.with(#""outputs":[{"name":"confidence"}]"#), to: gateway())
        let output = try #require(try outputs(response).first)
        #expect(output["datatype"] as? String == "FP32" && output["shape"] as? [Int] == [1])
        #expect(output["data"] as? [Double] == [0.9])
        let asBytes = Self.with(#""outputs":[{"name":"confidence","parameters":{"binary_data":true}}]"#)
        var bytes = try await infer(asBytes, to: gateway()).body
        #expect(bytes.readableBytes > 4)
        bytes.moveReaderIndex(to: bytes.writerIndex - 4)
        #expect(bytes.readInteger(endianness: .little, as: UInt32.self).map { Float(bitPattern: $0) } == 0.9)
    }

    @Test("names the likeliest classes alone if the request says how many, unless the output says another number")
    func top() async throws {
        func probabilities(_ more: String) async throws -> [String: Any]? {
            try outputs(await infer(Self.with(more), to: gateway())).first { $0["name"] as? String == "probabilities" }
        }
        #expect(try await probabilities(#""parameters":{"top":1}"#)?["data"] as? [String] == ["0.900000:0:find-train"])
        let two = #""parameters":{"top":1},"outputs":[{"name":"probabilities","parameters":{"top":2}}]"#
        #expect(try await probabilities(two)?["shape"] as? [Int] == [1, 2])
        let all = #""parameters":{"top":1},"outputs":[{"name":"probabilities","parameters":{"classification":0}}]"#
        #expect(try await probabilities(all)?["datatype"] as? String == "FP32")
    }

    @Test("names the element that the workers refused") func namesTheElementThatTheWorkersRefused() async throws {
        let gateway = try await gateway()
        gateway.workers.answer { request in
            request.sentence == Sentence("b") ? .failure(of: request, .classifierFailed) : .classification(of: request)
        }
        let response = try await infer(Self.input(#""shape":[2],"datatype":"BYTES","data":["a","b"]"#), to: gateway)
        #expect(response.status == .badGateway)
        #expect(try object(response)["error"] as? String == "element 1: as the test wants it")
    }

    /// While workers change over, a tensor's rows would have different lengths.
    @Test("mixes no two models") func mixesNoTwoModels() async throws {
        let gateway = try await gateway()
        let other = ModelInformation(identifier: "intents@2", labels: ["a"])
        gateway.workers.answer { request in
            request.sentence == Sentence("b")
                ? .classification(of: request, "a", #"{"a":1.000000}"#, model: other) : .classification(of: request)
        }
        let response = try await infer(Self.input(#""shape":[2],"datatype":"BYTES","data":["a","b"]"#), to: gateway)
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] != nil)
    }

    @Test("tells the version of the program") func tellsTheVersionOfTheProgram() async throws {
        let server = try object(await send("/v2", to: TestGateway()))
        #expect(server["version"] as? String == ProgramVersion.number)
        #expect(try #require(server["extensions"] as? [String]).contains("classification"))
    }

    @Test(
        "tells the configuration of the model",
        arguments: ["/v2/models/intents/config", "/v2/models/intents/versions/0123456789ab/config"])
    func tellsTheConfigurationOfTheModel(path: String) async throws {
        let configuration = try object(await send(path, to: gateway { $0.maximumBatch = 7 }))
        #expect(configuration["name"] as? String == "intents")
        #expect(configuration["max_batch_size"] as? Int == 7)
        let inputs = try #require(configuration["input"] as? [[String: Any]])
        #expect(inputs.map { $0["name"] as? String } == ["text"])
        #expect(inputs.first?["data_type"] as? String == "TYPE_STRING")
        let outputs = try #require(configuration["output"] as? [[String: Any]])
        #expect(outputs.map { $0["name"] as? String } == ["probabilities", "label", "confidence"])
        #expect(outputs.first?["dims"] as? [Int] == [2])
    }

    @Test("lists the models that there are") func listsTheModelsThatThereAre() async throws {
        func index(_ body: String = "", of gateway: TestGateway) async throws -> String {
            let headers: HTTPFields = body.isEmpty ? [:] : [.contentType: "application/json"]
            let response = try await send(
                "/v2/repository/index", ByteBuffer(string: body), headers: headers, to: gateway)
            #expect(response.headers[.contentType] == "application/json")
            return String(buffer: response.body)
        }
        let gateway = try await gateway()
        let ready = #"[{"name":"intents","version":"0123456789ab","state":"READY","reason":""}]"#
        #expect(try await index(of: gateway) == ready)
        #expect(try await index(#"{"ready":true}"#, of: gateway) == ready)
        gateway.exchange.availability = .unavailable("for the test")
        #expect(try await index(of: gateway).contains(#""state":"UNAVAILABLE","reason":"for the test""#))
        #expect(try await index(#"{"ready":true}"#, of: gateway) == "[]")
        #expect(try await index(#"{"ready":1}"#, of: gateway).contains(#""error":"#))
        #expect(try await index(of: TestGateway()) == "[]")
    }

    @Test("counts inferences") func countsInferences() async throws {
        let gateway = try await gateway()
        _ = try await infer(Self.input(#""shape":[2],"datatype":"BYTES","data":["a","b"]"#), to: gateway)
        _ = try await infer(Self.input(#""shape":[1],"datatype":"BYTES","data":["a"]"#), to: gateway)
        _ = try await infer("{}", to: gateway)
        for path in ["/v2/models/intents/stats", "/v2/models/intents/versions/0123456789ab/stats", "/v2/models/stats"] {
            let models = try #require(try object(await send(path, to: gateway))["model_stats"] as? [[String: Any]])
            let model = try #require(models.first)
            #expect(model["name"] as? String == "intents")
            #expect(model["version"] as? String == "0123456789ab")
            #expect(model["inference_count"] as? Int == 3)
            #expect(model["execution_count"] as? Int == 1, "the second sentence came from the cache")
            #expect(try #require(model["last_inference"] as? Int) > 0)
            #expect(model["batch_stats"] as? [Int] == [])
            let counts = try #require(model["inference_stats"] as? [String: [String: Int]]).mapValues { $0["count"] }
            #expect(counts["success"] == 2)
            #expect(counts["fail"] == 1)
            #expect(counts["cache_hit"] == 1)
            #expect(counts["cache_miss"] == 1)
            #expect(Set(counts.keys).isSuperset(of: ["queue", "compute_input", "compute_infer", "compute_output"]))
        }
        #expect(String(buffer: try await send("/v2/models/stats", to: TestGateway()).body) == #"{"model_stats":[]}"#)
    }

    @Test("says what is wrong in plain JSON") func saysWhatIsWrongInPlainJSON() async throws {
        let gateway = try await gateway()
        for path in ["/v2/models/other", "/v2/models/other/infer", "/v2/models", "/v2/nothing"] {
            let response = try await send(path, to: gateway)
            #expect(response.headers[.contentType] == "application/json", "\(path)")
            #expect(try object(response)["error"] is String)
        }
    }

    private func object(_ response: TestResponse) throws -> [String: Any] {
        let json = try JSONSerialization.jsonObject(with: Data(response.body.readableBytesView))
        return try #require(json as? [String: Any], "\(String(buffer: response.body))")
    }

    private func outputs(_ response: TestResponse) throws -> [[String: Any]] {
        try #require(try object(response)["outputs"] as? [[String: Any]])
    }

    @Test("describes server and model") func describesServerAndModel() async throws {
        let gateway = try await gateway()
        let server = try await send("/v2", to: gateway)
        #expect(String(buffer: server.body).contains(#""name":"triage""#))
        let model = try await send("/v2/models/intents", to: gateway)
        #expect(String(buffer: model.body).contains(#""parameters":{"labels":["find-train","irrelevant"]}"#))
        for path in ["/v2/models/intents/ready", "/v2/models/intents/versions/0123456789ab/ready", "/v2/health/ready"] {
            #expect(try await send(path, to: gateway).status == .ok)
        }
    }

    @Test("knows one model only") func knowsOneModelOnly() async throws {
        let gateway = try await gateway()
        for path in ["/v2/models/other", "/v2/models/intents/versions/1", "/v2/models/other/ready"] {
            #expect(try await send(path, to: gateway).status == .notFound)
        }
    }

    @Test("knows no model before a worker has answered") func knowsNoModelBeforeAWorkerHasAnswered() async throws {
        let gateway = TestGateway()
        #expect(try await send("/v2/models/intents", to: gateway).status == .serviceUnavailable)
        #expect(try await send("/v2/models/intents/ready", to: gateway).status == .serviceUnavailable)
        #expect(try await send("/v2/health/live", to: gateway).status == .ok)
    }
}
