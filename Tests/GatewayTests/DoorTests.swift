import Foundation
import Gateway
import GatewayTestSupport
import HTTPTypes
import Messages
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// What comes in by HTTP means what the same bytes mean in a record, on every route that takes a sentence.
@Suite("The samples for both doors, as calls")
struct DoorTests {
    private struct Problem: Decodable {
        let code: String
        let detail: String
    }

    private struct Reply: Decodable {
        struct Failure: Decodable {
            let code: String
            let message: String
        }

        let id: String
        let error: Failure?
    }

    private struct Accepted: Decodable {
        let ids: [String]
    }

    private func post(
        _ path: String, _ body: [UInt8], _ fields: [(name: String, value: String)], to gateway: TestGateway
    ) async throws -> TestResponse {
        var headers: HTTPFields = [:]
        for (name, value) in fields { headers[try #require(HTTPField.Name(name))] = value }
        return try await gateway.application.test(.router) { [headers] client in
            try await client.executeRequest(uri: path, method: .post, headers: headers, body: ByteBuffer(bytes: body))
        }
    }

    private func json<Value: Decodable>(_ type: Value.Type, _ response: TestResponse) throws -> Value {
        try JSONDecoder().decode(type, from: Data(response.body.readableBytesView))
    }

    /// What a worker says of the sample when it is wrong.
    private func message(of sample: DoorSample) -> String? {
        let decoder = RequestDecoder()
        var headers = RequestHeaders()
        let bytes = sample.headers.map { (Array($0.key.utf8), Array($0.value.utf8)) }
        return withExtendedLifetime((decoder, bytes)) {
            for (name, value) in bytes {
                name.withUnsafeBytes { name in value.withUnsafeBytes { headers.add(name: name, value: $0) } }
            }
            return sample.bytes.withUnsafeBytes { value in
                guard case .failure(_, let message) = decoder.decode(value: value, headers: headers).content else {
                    return nil
                }
                return message
            }
        }
    }

    /// What a refusal tells: the code that a record gets, with the words that it gets, but that each route has its own
    /// media types, and names them.
    private func expect(_ code: String, _ detail: String, of sample: DoorSample, after prefix: String = "") {
        #expect(code == sample.result.code)
        guard code != ErrorCode.unsupportedContentType.rawValue, let message = message(of: sample) else { return }
        #expect(detail == prefix + message)
    }

    @Test("classify", arguments: DoorSample.all)
    func classify(sample: DoorSample) async throws {
        let gateway = TestGateway()
        let response = try await post("/v1/classify", sample.bytes, sample.fields, to: gateway)
        guard response.status == .ok else {
            let problem = try json(Problem.self, response)
            expect(problem.code, problem.detail, of: sample)
            #expect(gateway.workers.requests.isEmpty)
            return
        }
        let sent = try #require(gateway.workers.requests.first)
        let id = try json(Reply.self, response).id
        #expect(result(sent.sentence, id, of: sample) == sample.result)
    }

    @Test("publish", arguments: DoorSample.all)
    func publish(sample: DoorSample) async throws {
        let gateway = TestGateway()
        let response = try await post("/v1/sentences", sample.bytes, sample.fields, to: gateway)
        guard response.status == .accepted else {
            let problem = try json(Problem.self, response)
            expect(problem.code, problem.detail, of: sample)
            #expect(gateway.workers.bulkRecords.isEmpty)
            return
        }
        let record = try #require(gateway.workers.bulkRecords.first)
        #expect(try json(Accepted.self, response).ids == [record.id])
        #expect(result(record.sentence, record.id, of: sample) == sample.result)
    }

    @Test("publish among others", arguments: DoorSample.objects)
    func publishAmongOthers(sample: DoorSample) async throws {
        let gateway = TestGateway()
        let body = Array(#"{"sentences":["#.utf8) + sample.bytes + Array("]}".utf8)
        let response = try await post("/v1/sentences", body, sample.fields, to: gateway)
        guard response.status == .accepted else {
            let problem = try json(Problem.self, response)
            return expect(problem.code, problem.detail, of: sample, after: "sentence 0: ")
        }
        let record = try #require(gateway.workers.bulkRecords.first)
        #expect(result(record.sentence, record.id, of: sample) == sample.result)
    }

    @Test("stream", arguments: DoorSample.lines)
    func stream(sample: DoorSample) async throws {
        let gateway = TestGateway()
        let type = [(name: "content-type", value: "application/x-ndjson")]
        let response = try await post("/v1/classify/stream", sample.bytes + [UInt8(ascii: "\n")], type, to: gateway)
        let reply = try json(Reply.self, response)
        #expect(reply.id == sample.result.id ?? "1", "a line without an id goes by its number")
        if let error = reply.error { return expect(error.code, error.message, of: sample) }
        let sent = try #require(gateway.workers.requests.first)
        #expect(result(sent.sentence, sample.result.id == nil ? nil : reply.id, of: sample) == sample.result)
    }

    /// The outcome as the sample has it. Who has no id gets one made of 32 hexadecimal digits.
    private func result(_ sentence: Sentence, _ id: String?, of sample: DoorSample) -> DoorSample.Result {
        let isMade = sample.result.id == nil && id?.count == 32 && id?.allSatisfy(\.isHexDigit) == true
        return DoorSample.Result(text: String(decoding: sentence.bytes, as: UTF8.self), id: isMade ? nil : id)
    }
}

extension DoorSample {
    /// Those with a media type of JSON and no event, whose media type is not what they are about.
    fileprivate static let json = all.filter { $0.headers == ["content-type": "application/json"] }

    /// Those that can stand within other JSON.
    fileprivate static let objects = json.filter { sample in
        guard let first = sample.bytes.first, first == UInt8(ascii: "{") else { return false }
        return sample.result.code != "malformed_json" && sample.result.code != "invalid_utf8"
            // One deeper than the others.
            && !sample.about.contains("512 deep")
    }

    /// Those that can be a line.
    fileprivate static let lines = json.filter { !$0.bytes.isEmpty && !$0.bytes.contains(UInt8(ascii: "\n")) }
}
