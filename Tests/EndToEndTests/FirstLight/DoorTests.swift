import Foundation
import Messages
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Door") struct DoorTests {
        private struct Problem: Decodable {
            let code: String
            let detail: String
        }

        @Test("the same bytes come to the same by Kafka and by HTTP") func theSameBytesComeToTheSameByKafka()
            async throws
        {
            let stage = try Stage()
            let worker = try stage.startWorker()
            let port = try freePort()
            let gateway = try stage.startGateway(port: port)
            let client = WebClient(port: port)
            let samples = DoorSample.all
            let sent = try stage.publish(
                samples.map { sample in
                    let headers = sample.headers.map { StoredRecord.Header(name: $0.key, value: Array($0.value.utf8)) }
                    return StoredRecord(value: sample.bytes, headers: headers)
                }, to: stage.topics.requests)
            try await client.waitUntilReady(gateway)
            let replies = Dictionary(grouping: try stage.read(stage.topics.replies, count: samples.count)) {
                $0.header(HeaderName.source) ?? ""
            }
            for (sample, request) in zip(samples, sent) {
                let reply = try #require(replies[request.source]?.first, "\(sample)")
                let response = try await client.post("/v1/classify", body: sample.bytes, headers: sample.fields)
                try expect(reply, and: response, toBe: sample)
            }
            #expect(worker.isRunning && gateway.isRunning)
        }

        /// Expects what the sample says of both, and that they say the same of it.
        private func expect(_ reply: StoredRecord, and response: WebClient.Response, toBe sample: DoorSample) throws {
            let decoded = try ClassifiedText.decode(reply.text)
            #expect(decoded.id == sample.result.id ?? reply.header(HeaderName.source), "\(sample)")
            #expect(reply.header(HeaderName.status) == sample.result.code ?? "ok", "\(sample)")
            if let error = decoded.error {
                let problem = try JSONDecoder().decode(Problem.self, from: response.body)
                #expect(problem.code == error.code, "\(sample)")
                // Each route has its own media types, and names them. A worker adds which setting would help.
                if error.code != "unsupported_content_type" {
                    let hints = ["; there are strings at ", "; for records that are plain text, "]
                    let isMore = hints.contains { error.message.hasPrefix(problem.detail + $0) }
                    #expect(error.message == problem.detail || isMore, "\(sample)")
                }
            } else if sample.result.id != nil {
                // The gateway adds the confidence, in the digits of the probability that it is.
                let confidence = String(format: "%.6f", decoded.probabilities?.values.max() ?? -1)
                let expected = reply.text.replacingOccurrences(
                    of: #","probabilities":"#, with: #","confidence":\#(confidence),"probabilities":"#)
                #expect(String(decoding: response.body, as: UTF8.self) == expected, "\(sample)")
            } else {
                // Who has no id gets another one at each door.
                var answer = try JSONDecoder().decode(ClassifiedText.self, from: response.body)
                #expect(answer.id?.count == 32, "\(sample)")
                answer.id = decoded.id
                #expect(answer == decoded, "\(sample)")
            }
        }
    }
}
