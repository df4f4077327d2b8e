import Foundation
import Messages
import Testing

extension EndToEnd {
    @Suite("Cloud event") struct CloudEventTests {
        @Test("CloudEvents in, binary or structured, CloudEvents out; an expired one is not classified")
        func cloudeventsInBinaryOrStructuredCloudEventsOutAnExpired() throws {
            let stage = try Stage()
            let worker = try stage.startWorker()
            let text = SampleSentences.sentence(5)
            func header(_ name: String, _ value: String) -> StoredRecord.Header {
                StoredRecord.Header(name: name, value: Array(value.utf8))
            }
            let attributes = [
                header("ce_specversion", "1.0"), header("ce_id", "event-1"), header("ce_source", "/tests"),
                header("ce_type", "sentence"), header("content-type", "text/plain"),
            ]
            let structured = #"""
                {"specversion":"1.0","id":"event-2","source":"/tests","type":"sentence",
                 "datacontenttype":"application/json","data":{"text":"\#(text)"}}
                """#
            let sent = try stage.publish(
                [
                    StoredRecord(value: Array(text.utf8), headers: attributes),
                    StoredRecord(
                        value: Array(structured.utf8), headers: [header("content-type", "application/cloudevents+json")]
                    ),
                    StoredRecord(
                        value: Array(text.utf8), headers: attributes + [header("ce_expirytime", "2020-01-01T00:00:00Z")]
                    ),
                ], to: stage.topics.requests)
            let replies = try stage.read(stage.topics.replies, count: 3)
            let bySource = Dictionary(grouping: replies) { $0.header(HeaderName.source) ?? "" }
            for (index, request) in sent.enumerated() {
                let reply = try #require(bySource[request.source]?.first)
                #expect(reply.header("ce_specversion") == "1.0")
                #expect(reply.header("ce_causationid") == (index == 1 ? "event-2" : "event-1"))
                #expect(reply.header("ce_id")?.isEmpty == false)
                #expect(reply.header("ce_source")?.isEmpty == false)
                let decoded = try ClassifiedText.decode(reply.text)
                if index < 2 {
                    #expect(reply.header("ce_type") == "triage.classification.v1")
                    #expect(decoded.isDistribution)
                } else {
                    #expect(decoded.error?.code == "deadline_exceeded")
                }
            }
            #expect(Set(replies.map { $0.header("ce_id") }).count == 3)
            #expect(worker.isRunning)
        }
    }
}
