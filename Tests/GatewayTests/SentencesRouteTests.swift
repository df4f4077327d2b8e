import Foundation
import Gateway
import GatewayTestSupport
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

    @Test("publishes one") func publishesOne() async throws {
        let gateway = TestGateway()
        let response = try await post(#"{"text":"bonjour","id":"7","key":"k"}"#, to: gateway)
        #expect(response.status == .accepted)
        #expect(String(buffer: response.body) == #"{"ids":["7"]}"#)
        let record = try #require(gateway.workers.bulkRecords.first)
        #expect(record.sentence == Sentence("bonjour"))
        #expect(record.key == "k")
        #expect(gateway.workers.requests.isEmpty, "the interactive lane is for those who wait")
    }

    @Test("publishes many and names those without an ID") func publishesManyAndNamesThoseWithoutAnID() async throws {
        let gateway = TestGateway()
        let response = try await post(#"{"sentences":[{"text":"a","id":"1"},{"text":"b"}]}"#, to: gateway)
        #expect(response.status == .accepted)
        let records = gateway.workers.bulkRecords
        #expect(records.map(\.sentence) == [Sentence("a"), Sentence("b")])
        #expect(records[0].id == "1")
        #expect(records[1].id.count == 32)
        #expect(String(buffer: response.body) == #"{"ids":["1","\#(records[1].id)"]}"#)
    }

    @Test(
        "publishes all or nothing",
        arguments: [
            (#"{"sentences":[]}"#, ProblemCode.batchSize),
            (#"{"sentences":[{"text":"a"},{"text":"b"},{"text":"c"}]}"#, .batchSize),
            (#"{"sentences":[{"text":"a"},{"text":""}]}"#, .emptyText), (#"{"sentences":["a"]}"#, .missingText),
            ("{}", .missingText), ("[]", .malformedJSON), (#"{"text":"a","key":{}}"#, .invalidParameter),
            (#"{"text":"a","key":"k","key":[]}"#, .invalidParameter), (#"{"text":"a","key":true}"#, .invalidParameter),
            (#"{"sentences":[{"text":"a"}],"sentences":7}"#, .missingText),
        ])
    func publishesAllOrNothing(body: String, code: ProblemCode) async throws {
        let gateway = TestGateway { $0.maximumBatch = 2 }
        let response = try await post(body, to: gateway)
        #expect(response.status == code.status)
        #expect(String(buffer: response.body).contains(#""code":"\#(code.rawValue)""#))
        #expect(gateway.workers.bulkRecords.isEmpty)
    }

    @Test(
        "takes a key that is a string or a number",
        arguments: [
            (#""key":"k""#, "k"), (#""key":7"#, "7"), (#""key":1.50"#, "1.50"), (#""key":null"#, nil),
            (#""key":"""#, ""),
            (#""key":{},"key":"k""#, "k"), (#""key":"k","key":null"#, nil),
        ])
    func takesAKeyThatIsAStringOrANumber(field: String, key: String?) async throws {
        let gateway = TestGateway()
        #expect(try await post("{\"text\":\"a\",\(field)}", to: gateway).status == .accepted)
        #expect(try await post("{\"sentences\":[{\"text\":\"a\",\(field)}]}", to: gateway).status == .accepted)
        #expect(gateway.workers.bulkRecords.map(\.key) == [key, key])
    }

    @Test("of arrays with one name the last counts") func ofArraysWithOneNameTheLastCounts() async throws {
        let gateway = TestGateway()
        for body in [
            #"{"sentences":7,"sentences":[{"text":"no"}],"text":"no","sentences":[{"text":"a"}]}"#,
            #"{"sentences":[{"text":"no"}],"text":"b","sentences":7}"#,
        ] {
            #expect(try await post(body, to: gateway).status == .accepted)
        }
        #expect(gateway.workers.bulkRecords.map(\.sentence) == [Sentence("a"), Sentence("b")])
    }

    @Test("publishes an event with its ID key and time") func publishesAnEventWithItsIDKeyAndTime() async throws {
        let gateway = TestGateway()
        let event = #"""
            {"specversion":"1.0","id":"e-1","expirytime":"2999-01-02T03:04:05.678Z","data":{"text":"bonjour","key":7}}
            """#
        let response = try await gateway.application.test(.router) { client in
            try await client.executeRequest(
                uri: "/v1/sentences", method: .post, headers: [.contentType: "application/cloudevents+json"],
                body: ByteBuffer(string: event))
        }
        #expect(response.status == .accepted)
        #expect(String(buffer: response.body) == #"{"ids":["e-1"]}"#)
        let record = try #require(gateway.workers.bulkRecords.first)
        #expect(record.sentence == Sentence("bonjour"))
        #expect(record.key == "7")
        #expect(record.deadline == 32_472_241_445_678)
    }

    @Test("says that the broker has them not") func saysThatTheBrokerHasThemNot() async throws {
        let gateway = TestGateway()
        gateway.workers.refuse(with: GatewayError(.unavailable, "no broker"))
        #expect(try await post(#"{"text":"a"}"#, to: gateway).status == .serviceUnavailable)
    }
}
