import Kafka
import Messages
import Platform
import Telemetry
import TestSupport
import Testing
import Worker
import WorkerTestSupport

/// Faults that a healthy broker never shows, by librdkafka's mock cluster.
@Suite("A worker against a broker that gives errors", .serialized, .timeLimit(.minutes(2)))
struct FaultTests {
    func requests(_ count: Int) -> [MockWorker.Request] {
        (0..<count).map { MockWorker.Request(#"{"text":"number \#($0)?","id":"\#($0)"}"#, key: "key-\($0 % 5)") }
    }

    /// The ids of the replies by key, in the order of each partition.
    private func order(_ replies: [MockWorker.Record]) -> [String: [Int]] {
        var order: [String: [Int]] = [:]
        for reply in replies {
            guard let key = reply.key, let value = reply.value else { continue }
            let id = value.dropFirst(#"{"id":""#.count).prefix { $0 != "\"" }
            order[String(decoding: key, as: UTF8.self), default: []].append(Int(id) ?? -1)
        }
        return order
    }

    @Test(
        "both lanes answer, echo what is to be echoed, and have all committed when stopped",
        arguments: MockWorker.groupProtocols)
    func healthy(groupProtocol: WorkerConfiguration.GroupProtocol) async throws {
        try await MockWorker.with { worker in
            worker.configuration.groupProtocol = groupProtocol
            try worker.start()
            try await worker.send(requests(200), to: "sentences")
            let replyTopic = Array("classifications.replies".utf8)
            try await worker.send(
                [
                    .init(
                        "c'est où ?", key: "k",
                        headers: [
                            ("content-type", Array("text/plain".utf8)), ("kafka_correlationId", [0, 255, 7]),
                            ("kafka_replyTopic", replyTopic), ("kafka_replyPartition", [0, 0, 0, 1]),
                            ("traceparent", Array("00-a-b-01".utf8)),
                        ])
                ], to: "sentences.interactive")
            let replies = try await worker.read("classifications", count: 200)
            #expect(replies.count == 200)
            #expect(order(replies).allSatisfy { $1 == $1.sorted() })
            #expect(replies.allSatisfy { $0.header("triage-status") == "ok" && $0.headers["triage-timing"] == nil })
            let interactive = try #require(try await worker.read("classifications.replies", count: 1).first)
            #expect(interactive.partition == 1 && interactive.key == Array("k".utf8))
            #expect(interactive.headers["kafka_correlationId"] == [0, 255, 7])
            #expect(interactive.header("traceparent") == "00-a-b-01")
            #expect(interactive.header("triage-source")?.hasPrefix("sentences.interactive/") == true)
            #expect(interactive.header("triage-timing")?.contains("classify;dur=") == true)
            try await worker.stop()
            #expect(try worker.committed("sentences").values.reduce(0, +) == 200)
            #expect(try worker.committed("sentences.interactive", group: "-interactive").values.reduce(0, +) == 1)
        }
    }

    @Test("a worker that waits for its brokers ends when it is told to")
    func stopBeforeStart() async throws {
        try await MockWorker.with { worker in
            worker.cluster.setBroker(isDown: true)
            worker.configuration.startTimeout = .seconds(600)
            try worker.start()
            try await Task.sleep(for: .milliseconds(300))
            try await worker.stop()
        }
    }

    @Test("a place in a partition that is gone is counted, and what is there is answered")
    func positionIsGone() async throws {
        try await MockWorker.with { worker in
            worker.configuration.lanes = .bulk
            try worker.start()
            try await worker.send(requests(10), to: "sentences")
            #expect(try await worker.read("classifications", count: 10).count == 10)
            #expect(worker.registry.exposition().contains("position_resets_total{lane=\"bulk\"} 0\n"))
            worker.cluster.pushRequestErrors(.fetch, [KafkaErrorCode(rawValue: 1)])  // Offset out of range.
            let resets = "position_resets_total{lane=\"bulk\"} "
            #expect(
                try await worker.eventually {
                    let exposition = worker.registry.exposition()
                    return exposition.contains(resets) && !exposition.contains(resets + "0\n")
                })
            try await worker.send(requests(1), to: "sentences")
            // Those before come again: the records are still there, and the place is the topic's start.
            #expect(try await worker.read("classifications", count: 11).count >= 11)
            try await worker.stop()
        }
    }

    @Test(
        "a worker that finds no partition left is ready, and takes over when there are some",
        arguments: MockWorker.groupProtocols)
    func spare(groupProtocol: WorkerConfiguration.GroupProtocol) async throws {
        try await MockWorker.with { worker in
            worker.configuration.groupProtocol = groupProtocol
            try worker.start()
            let isReady = try await worker.eventually {
                worker.log.lines.contains { $0.message == "the worker is ready" }
            }
            #expect(isReady)
            // Of two partitions each of three workers cannot have one.
            for number in 2...3 {
                let log = try worker.startAnother()
                let isReady = try await worker.eventually {
                    log.lines.contains { $0.message == "the worker is ready" }
                }
                #expect(isReady, "worker \(number)")
            }
            try await worker.stop()
            try await worker.send(requests(50), to: "sentences")
            #expect(try await worker.read("classifications", count: 50).count == 50)
            // A worker that stops does not try again to commit, and these brokers, unlike Kafka's, refuse commits for as
            // long as the group rebalances.
            let isCommitted = try await worker.eventually {
                try worker.committed("sentences").values.reduce(0, +) == 50
            }
            #expect(isCommitted)
            try await worker.stopOthers()
            #expect(try worker.committed("sentences").values.reduce(0, +) == 50)
        }
    }

    @Test(
        "members that the group has forgotten or fenced off lose nothing",
        arguments: [KafkaErrorCode.unknownMember, .fencedMemberEpoch])
    func fencedMember(code: KafkaErrorCode) async throws {
        try await MockWorker.with { worker in
            worker.configuration.groupProtocol = .consumer
            try worker.start()
            for round in 1...3 {
                try await worker.send(requests(20), to: "sentences")
                worker.cluster.pushRequestErrors(.consumerGroupHeartbeat, [code, code])
                #expect(try await worker.read("classifications", count: 20 * round).count >= 20 * round)
            }
            let isCommitted = try await worker.eventually {
                try worker.committed("sentences").values.reduce(0, +) == 60
            }
            #expect(isCommitted)
            try await worker.stop()
        }
    }

    @Test(
        "a group protocol that the brokers lack ends the worker, which says so")
    func unsupportedGroupProtocol() async throws {
        try await MockWorker.with { worker in
            worker.configuration.groupProtocol = .consumer
            worker.configuration.startTimeout = .seconds(3)
            worker.cluster.withdraw(.consumerGroupHeartbeat)
            try worker.start()
            let error = await #expect(throws: WorkerError.self) { try await worker.end() }
            #expect(error?.exitCode == 69 && error?.message.contains("--group-protocol") == true, "\(error as Any)")
        }
    }

    @Test(
        "what the brokers refuse for good ends the worker with what to do",
        .enabled(if: MockWorker.groupProtocols.contains(.consumer), "librdkafka is too old"),
        arguments: [
            (KafkaErrorCode.groupNotFound, Int32(69), "--group-protocol classic"),
            (.unreleasedInstance, 70, "--instance-id"),
        ])
    func refusedMember(code: KafkaErrorCode, exitCode: Int32, text: String) async throws {
        try await MockWorker.with { worker in
            worker.configuration.groupProtocol = .consumer
            worker.cluster.pushRequestErrors(.consumerGroupHeartbeat, [code, code])
            try worker.start()
            let error = await #expect(throws: WorkerError.self) { try await worker.end() }
            #expect(error?.exitCode == exitCode && error?.message.contains(text) == true, "\(error as Any)")
        }
    }

    @Test(
        "a lane that is not served is left alone: no topic needed, no member of its group, no metrics, nothing answered",
        arguments: [WorkerConfiguration.Lanes.bulk, .interactive])
    func oneLane(lanes: WorkerConfiguration.Lanes) async throws {
        try await MockWorker.with { worker in
            let served = lanes == .bulk ? "sentences" : "sentences.interactive"
            worker.configuration.lanes = lanes
            worker.configuration.startTimeout = .seconds(3)
            if lanes == .bulk {
                worker.configuration.topics.interactive = "missing"
            } else {
                worker.configuration.topics.requests = "missing"
            }
            try worker.start()
            try await worker.send(requests(10), to: "sentences")
            try await worker.send(requests(10), to: "sentences.interactive")
            #expect(try await worker.read("classifications", count: 10).count == 10)
            let exposition = worker.registry.exposition()
            #expect(exposition.contains("lane=\"\(lanes.rawValue)\""))
            #expect(!exposition.contains("lane=\"\(lanes == .bulk ? "interactive" : "bulk")\""))
            try await worker.stop()
            let replies = try await worker.readAll("classifications")
            #expect(replies.count == 10)
            #expect(replies.allSatisfy { $0.header("triage-source")?.hasPrefix(served + "/") == true })
        }
    }

    @Test("refused, lost and late produce requests are repeated, each reply once and in the order of its key")
    func produceErrors() async throws {
        try await MockWorker.with { worker in
            try await worker.send(requests(300), to: "sentences")
            worker.cluster.pushRequestErrors(
                .produce, [.notLeader, .requestTimedOut, .notEnoughReplicas, .notLeader, .requestTimedOut])
            try worker.start()
            let replies = try await worker.read("classifications", count: 300)
            #expect(order(replies).values.reduce(0) { $0 + $1.count } == 300)
            #expect(order(replies).allSatisfy { $1 == $1.sorted() && Set($1).count == $1.count })
            try await worker.stop()
            #expect(try worker.committed("sentences").values.reduce(0, +) == 300)
        }
    }

    @Test(
        "a refused commit loses nothing: it is made up for",
        arguments: [
            KafkaErrorCode.coordinatorNotAvailable, .notCoordinator, .requestTimedOut, .illegalGeneration,
            .rebalanceInProgress,
        ])
    func commitErrors(code: KafkaErrorCode) async throws {
        try await MockWorker.with { worker in
            try worker.start()
            worker.cluster.pushRequestErrors(.offsetCommit, [code, code])
            try await worker.send(requests(50), to: "sentences")
            #expect(try await worker.read("classifications", count: 50).count >= 50)
            let isCommitted = try await worker.eventually {
                try worker.committed("sentences").values.reduce(0, +) == 50
            }
            #expect(isCommitted)
            try await worker.stop()
        }
    }

    @Test("a reply that the broker finds too large is tried alone, then answered small and dead-lettered")
    func replyTooLarge() async throws {
        try await MockWorker.with { worker in
            try await worker.send([.init(#"{"text":"large","id":"large"}"#, key: "large")], to: "sentences")
            worker.cluster.pushRequestErrors(.produce, [.messageSizeTooLarge, .messageSizeTooLarge])
            try worker.start()
            let reply = try #require(try await worker.read("classifications", count: 1).first)
            #expect(reply.header("triage-status") == "reply_too_large")
            #expect(reply.value?.contains(#""id":"large""#) == false)
            let letter = try #require(try await worker.read("sentences.dead-letters", count: 1).first)
            #expect(letter.value == #"{"text":"large","id":"large"}"#)
            #expect(letter.header("__dlq.errors.code") == "reply_too_large")
            try await worker.stop()
            #expect(try worker.committed("sentences").values.reduce(0, +) == 1)
        }
    }

    @Test("neighbours of a reply that is too large are answered as usual")
    func neighbours() async throws {
        try await MockWorker.with { worker in
            try await worker.send(requests(40), to: "sentences")
            // Many in one set of records, which the broker refuses as a whole.
            worker.cluster.pushRequestErrors(.produce, [.messageSizeTooLarge])
            try worker.start()
            let replies = try await worker.read("classifications", count: 40)
            #expect(replies.count == 40)
            #expect(replies.allSatisfy { $0.header("triage-status") == "ok" })
            try await worker.stop()
            #expect(try worker.committed("sentences").values.reduce(0, +) == 40)
        }
    }

    @Test("a reply partition that does not exist: an error reply by the key, and a dead letter")
    func unknownPartition() async throws {
        try await MockWorker.with { worker in
            try worker.start()
            try await worker.send(
                [
                    .init(#"{"text":"a"}"#, key: "k", headers: [("kafka_replyPartition", [0, 0, 0, 99])]),
                    .init(#"{"text":"b?"}"#, key: "k"),
                ], to: "sentences")
            let replies = try await worker.read("classifications", count: 2)
            #expect(Set(replies.map { $0.header("triage-status") }) == ["ok", "reply_not_delivered"])
            let letter = try #require(try await worker.read("sentences.dead-letters", count: 1).first)
            #expect(letter.header("__dlq.errors.code") == "reply_not_delivered")
            #expect(letter.headers["kafka_replyPartition"] == [0, 0, 0, 99])
            try await worker.stop()
            #expect(try worker.committed("sentences").values.reduce(0, +) == 2)
        }
    }

    @Test("bad requests are answered and dead-lettered untouched, with where they came from and why")
    func deadLetters() async throws {
        try await MockWorker.with { worker in
            try worker.start()
            let bad = MockWorker.Request("{broken", key: "k", headers: [("x-own", [1, 2, 0, 3])], partition: 1)
            try await worker.send([bad, .init(#"{"text":"good"}"#, partition: 1)], to: "sentences")
            #expect(try await worker.read("classifications", count: 2).count == 2)
            let letter = try #require(try await worker.read("sentences.dead-letters", count: 1).first)
            #expect(letter.value == "{broken" && letter.key == Array("k".utf8))
            #expect(letter.headers["x-own"] == [1, 2, 0, 3])
            #expect(letter.header("__dlq.errors.topic") == "sentences")
            #expect(letter.header("__dlq.errors.partition") == "1")
            #expect(letter.header("__dlq.errors.offset") == "0")
            #expect(letter.header("__dlq.errors.group") == worker.configuration.group)
            #expect(letter.header("__dlq.errors.code") == "malformed_json")
            try await worker.stop()
        }
    }

    @Test("a reply partition without a leader: who waits there is given up at the deadline, everybody else is answered")
    func leaderlessReplyPartition() async throws {
        try await MockWorker.with(brokers: 2) { worker in
            let topic = "classifications.replies"
            worker.cluster.setLeader(of: TopicPartition(topic: topic, partition: 1), broker: 2)
            worker.configuration.interactive.maximumInFlightBatches = 2
            worker.configuration.interactive.kafka = ["message.timeout.ms": "500"]
            try worker.start()
            try await worker.send([call(0, waits: 60_000)], to: "sentences.interactive")
            #expect(try await worker.read(topic, count: 1).count == 1)
            worker.cluster.setBroker(2, isDown: true)
            for _ in 0..<6 {
                try await worker.send([call(1, waits: 1_000)], to: "sentences.interactive")
                try await Task.sleep(for: .milliseconds(50))
            }
            try await worker.send([call(0, waits: 60_000)], to: "sentences.interactive")
            #expect(try await worker.read(topic) { $0.count { $0.partition == 0 } == 2 }.count == 2)
            let isCommitted = try await worker.eventually {
                try worker.committed("sentences.interactive", group: "-interactive").values.reduce(0, +) == 8
            }
            #expect(isCommitted)
            try await worker.stop()
        }
    }

    @Test("callers whose reply partition has no leader, each in a batch of its own, are in nobody's way")
    func manyCallersWithoutLeader() async throws {
        try await MockWorker.with(brokers: 2) { worker in
            let topic = "classifications.replies"
            worker.cluster.setLeader(of: TopicPartition(topic: topic, partition: 1), broker: 2)
            worker.configuration.interactive.maximumBatchRecords = 1
            // Longer than this test waits: nothing is given up meanwhile.
            worker.configuration.interactive.kafka = ["message.timeout.ms": "300000"]
            worker.configuration.shutdownTimeout = .seconds(1)
            try worker.start()
            try await worker.send([call(0, waits: 300_000)], to: "sentences.interactive")
            #expect(try await worker.read(topic, count: 1).count == 1)
            worker.cluster.setBroker(2, isDown: true)
            let calls = (0..<500).map { _ in call(1, waits: 300_000) }
            try await worker.send(calls + [call(0, waits: 300_000)], to: "sentences.interactive")
            #expect(try await worker.read(topic) { $0.count { $0.partition == 0 } == 2 }.count == 2)
            try await worker.stop()
        }
    }

    /// A call whose reply goes to a partition of its own.
    private func call(_ partition: UInt8, waits milliseconds: Int64) -> MockWorker.Request {
        let deadline = UnixTime.milliseconds + milliseconds
        let headers: [(String, [UInt8])] = [
            ("kafka_replyTopic", Array("classifications.replies".utf8)),
            ("kafka_replyPartition", [0, 0, 0, partition]), ("triage-deadline", Array(String(deadline).utf8)),
        ]
        return .init(#"{"text":"who?"}"#, headers: headers)
    }

    @Test("an offset waits for its dead letter: nothing is committed while that cannot be written")
    func deadLetterBeforeCommit() async throws {
        try await MockWorker.with(brokers: 2) { worker in
            for partition in Int32(0)..<2 {
                worker.cluster.setLeader(
                    of: TopicPartition(topic: "sentences.dead-letters", partition: partition), broker: 2)
            }
            try await worker.send([.init("{broken", partition: 0)], to: "sentences")
            try await worker.send((0..<20).map { .init(#"{"text":"\#($0)"}"#, partition: 0) }, to: "sentences")
            worker.cluster.setBroker(2, isDown: true)
            try worker.start()
            #expect(try await worker.read("classifications", count: 21).count == 21)
            try await Task.sleep(for: .milliseconds(300))
            #expect(try worker.committed("sentences").isEmpty)
            worker.cluster.setBroker(2, isDown: false)
            let isCommitted = try await worker.eventually { try worker.committed("sentences")[0] == 21 }
            #expect(isCommitted)
            #expect(try await worker.read("sentences.dead-letters", count: 1).count == 1)
            try await worker.stop()
        }
    }

    @Test("a dead-letter topic that refuses stops the worker, and the request stays uncommitted")
    func deadLetterRefused() async throws {
        try await MockWorker.with { worker in
            try await worker.send([.init("{broken", partition: 0)], to: "sentences")
            // For the error reply, its replacement and the dead letter, in whatever order they go.
            worker.cluster.pushRequestErrors(.produce, Array(repeating: .topicAuthorizationFailed, count: 4))
            try worker.start()
            let error = await #expect(throws: WorkerError.self) { try await worker.end() }
            #expect(error?.code == .deadLetterNotWritten && error?.exitCode == 70)
            #expect(try worker.committed("sentences").isEmpty)
        }
    }

    @Test("a broker that is away for a while: nothing lost, nothing twice")
    func outage() async throws {
        try await MockWorker.with { worker in
            worker.configuration.bulk.maximumBatchRecords = 10
            worker.configuration.bulk.maximumInFlightBatches = 2
            worker.configuration.bulk.pauseAfter = .milliseconds(200)
            try worker.start()
            try await worker.send(requests(100), to: "sentences")
            worker.cluster.setBroker(isDown: true)
            try await Task.sleep(for: .seconds(2))
            worker.cluster.setBroker(isDown: false)
            let replies = try await worker.read("classifications", count: 100)
            #expect(Set(order(replies).values.joined()).count == 100)
            try await worker.stop()
            #expect(try worker.committed("sentences").values.reduce(0, +) == 100)
        }
    }

    @Test("missing topics and a missing broker are told at start")
    func preflight() async throws {
        try await MockWorker.with { worker in
            worker.configuration.startTimeout = .milliseconds(600)
            worker.configuration.kafka["bootstrap.servers"] = "127.0.0.1:1"
            try worker.start()
            let error = await #expect(throws: WorkerError.self) { try await worker.end() }
            #expect(error?.code == .brokerUnavailable && error?.exitCode == 69)
        }
    }
}
