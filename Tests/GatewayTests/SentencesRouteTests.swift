import Foundation
import Gateway
import HTTPTypes
import NIOCore
import NIOHTTP1
import Testing

@Suite("POST /v1/sentences")
struct SentencesRouteTests {
    private func post(_ body: String, to gateway: TestGateway) async throws -> TestResponse {
        try await gateway.application.test(.router) { client in
            try await client.executeRequest(
                uri: "/v1/sentences", method: .post, headers: [.contentType: "application/json"],
                body: ByteBuffer(string: body))
        }
    }

    @Test func publishesOne() async throws {
        let gateway = TestGateway()
        let response = try await post(#"{"text":"bonjour","id":"7","key":"k"}"#, to: gateway)
        #expect(response.status == .accepted)
        #expect(String(buffer: response.body) == #"{"ids":["7"]}"#)
        let record = try #require(gateway.workers.bulkRecords.first)
        #expect(record.sentence == Sentence("bonjour"))
        #expect(record.key == "k")
        #expect(gateway.workers.requests.isEmpty, "the interactive lane is for those who wait")
    }

    @Test func publishesManyAndNamesThoseWithoutAnID() async throws {
        let gateway = TestGateway()
        let response = try await post(#"{"sentences":[{"text":"a","id":"1"},{"text":"b"}]}"#, to: gateway)
        #expect(response.status == .accepted)
        let records = gateway.workers.bulkRecords
        #expect(records.map(\.sentence) == [Sentence("a"), Sentence("b")])
        #expect(records[0].id == "1")
        #expect(records[1].id.count == 32)
        #expect(String(buffer: response.body) == #"{"ids":["1","\#(records[1].id)"]}"#)
    }

    @Test(arguments: [
        (#"{"sentences":[]}"#, ProblemCode.batchSize),
        (#"{"sentences":[{"text":"a"},{"text":"b"},{"text":"c"}]}"#, .batchSize),
        (#"{"sentences":[{"text":"a"},{"text":""}]}"#, .emptyText), (#"{"sentences":["a"]}"#, .missingText),
        ("{}", .missingText), ("[]", .malformedJSON), (#"{"text":"a","key":1}"#, .invalidParameter),
    ])
    func publishesAllOrNothing(body: String, code: ProblemCode) async throws {
        let gateway = TestGateway { $0.maximumBatch = 2 }
        let response = try await post(body, to: gateway)
        #expect(response.status == code.status)
        #expect(String(buffer: response.body).contains(#""code":"\#(code.rawValue)""#))
        #expect(gateway.workers.bulkRecords.isEmpty)
    }

    @Test func saysThatTheBrokerHasThemNot() async throws {
        let gateway = TestGateway()
        gateway.workers.refuse(with: GatewayError(.unavailable, "no broker"))
        #expect(try await post(#"{"text":"a"}"#, to: gateway).status == .serviceUnavailable)
    }
}
