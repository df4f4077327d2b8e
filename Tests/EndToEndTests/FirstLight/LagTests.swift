import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Lag") struct LagTests {
        private struct Line: Decodable, Equatable {
            let topic: String
            let partition: Int32
            let position: Int64?
            let end: Int64
            let lag: Int64
            let secondsToCatchUp: Double?

            enum CodingKeys: String, CodingKey {
                case topic, partition, position, end, lag
                case secondsToCatchUp = "seconds_to_catch_up"
            }
        }

        @Test("what waits is told without a worker, and that nothing does after one")
        func whatWaitsIsToldWithoutAWorker() throws {
            // Tansu says of the end of a partition where its last batch begins.
            let stage = try Stage(partitions: 2, kind: .noida)
            let records = (0..<6).map { StoredRecord(value: Array("{\"text\":\"un train \($0)\"}".utf8)) }
            _ = try stage.publish(records, to: stage.topics.requests, partition: 0)

            #expect(
                try lag(stage) == [
                    line(stage.topics.requests, 0, position: nil, end: 6, lag: 6, seconds: nil),
                    line(stage.topics.requests, 1, position: nil, end: 0, lag: 0, seconds: 0),
                    line(stage.topics.interactive, 0, position: nil, end: 0, lag: 0, seconds: 0),
                    line(stage.topics.interactive, 1, position: nil, end: 0, lag: 0, seconds: 0),
                ])
            let table = try run(stage, []).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(table.first == ["topic", "partition", "position", "end", "lag", "done", "in"])
            #expect(table.dropFirst().first == [stage.topics.requests, "0", "-", "6", "6", "stands", "still"])
            #expect(table.count == 7)

            let worker = try stage.startWorker()
            _ = try stage.read(stage.topics.replies, count: records.count)
            worker.signal(SIGTERM)
            #expect(try worker.wait() == 0)
            #expect(
                try lag(stage).first == line(stage.topics.requests, 0, position: 6, end: 6, lag: 0, seconds: 0))
        }

        @Test("a topic that is not there, and a broker that is not, end with one line")
        func aTopicThatIsNotThereAndABroker() throws {
            let stage = try Stage(partitions: 1)
            let missing = try TriageProcess(
                ["lag", "--bootstrap-servers", stage.bootstrapServers, "--topic-requests", "nowhere"])
            #expect(try missing.wait() == 69)
            #expect(missing.errors == "triage: there is no topic nowhere; 'triage topics create' creates it\n")
            let silent = try TriageProcess(["lag", "--bootstrap-servers", "127.0.0.1:1"])
            #expect(try silent.wait() == 69)
            #expect(
                silent.errors.hasPrefix("triage: no Kafka broker accepts the connection: 127.0.0.1:1: "),
                "\(silent.errors)")
            #expect(silent.errors.split(separator: "\n").count == 1)
        }

        @Test("a gateway's metrics tell what waits in the interactive lane, and that it is done")
        func aGatewaySMetricsTellWhatWaits() throws {
            let stage = try Stage(partitions: 2, kind: .noida)
            let records = (0..<3).map { StoredRecord(value: Array("{\"text\":\"un train \($0)\"}".utf8)) }
            _ = try stage.publish(records, to: stage.topics.interactive)
            let port = try freePort()
            let gateway = try stage.startGateway(port: port, arguments: ["--group", stage.group])
            try eventually(within: .seconds(40), "what waits is told", details: { gateway.errors }) {
                // Its own first sentence waits too.
                try interactiveLag(port).map { $0 >= 3 } == true
            }
            let worker = try stage.startWorker()
            try eventually(within: .seconds(60), "that nothing waits is told", details: { worker.errors }) {
                try interactiveLag(port) == 0
            }
            gateway.signal(SIGTERM)
            #expect(try gateway.wait(within: .seconds(15)) == 0, "\(gateway.errors)")
        }

        private func interactiveLag(_ port: Int) throws -> Int? {
            guard let connection = try? RawHTTPConnection(port: port) else { return nil }
            connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            let body = connection.response().map { String(decoding: $0.body, as: UTF8.self) } ?? ""
            let line = body.split(separator: "\n").first { $0.hasPrefix("triage_gateway_interactive_lag_records ") }
            return line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }.map { Int($0) }
        }

        private func line(
            _ topic: String, _ partition: Int32, position: Int64?, end: Int64, lag: Int64, seconds: Double?
        ) -> Line {
            Line(
                topic: topic, partition: partition, position: position, end: end, lag: lag, secondsToCatchUp: seconds)
        }

        private func lag(_ stage: Stage) throws -> [Line] {
            try run(stage, ["--json"]).split(separator: "\n").map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
        }

        private func run(_ stage: Stage, _ flags: [String]) throws -> String {
            let process = try TriageProcess(
                ["lag", "--bootstrap-servers", stage.bootstrapServers, "--group", stage.group] + stage.topics.flags
                    + flags)
            #expect(try process.wait() == 0, "\(process.errors)")
            return process.output
        }
    }
}
