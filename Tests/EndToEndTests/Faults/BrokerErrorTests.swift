import Foundation
import Kafka
import Messages
import TestSupport
import Testing

extension EndToEnd {
    /// Errors that a healthy broker never gives, from librdkafka's mock cluster, to a real worker.
    @Suite("Broker error") struct BrokerErrorTests {
        struct Fault: Sendable, CustomStringConvertible {
            let request: MockCluster.Request
            let errors: [KafkaErrorCode]
            var arguments: [String] = []

            var description: String { "\(request): \(errors.map(\.name)) \(arguments.joined(separator: " "))" }
        }

        static let transient = [
            Fault(request: .produce, errors: [.notLeader, .requestTimedOut, .notLeader, .notEnoughReplicas]),
            Fault(request: .findCoordinator, errors: [.coordinatorNotAvailable, .coordinatorNotAvailable]),
            Fault(request: .joinGroup, errors: [.coordinatorNotAvailable, .notCoordinator, .unknownMember]),
            Fault(request: .heartbeat, errors: [.illegalGeneration]),
            Fault(request: .heartbeat, errors: [.unknownMember]),
            Fault(request: .offsetCommit, errors: [.illegalGeneration, .notCoordinator, .requestTimedOut]),
            Fault(request: .fetch, errors: [.notLeader, .requestTimedOut]),
        ]

        static let transactional = [
            Fault(request: .addPartitionsToTransaction, errors: [.concurrentTransactions, .notCoordinator]),
            Fault(request: .transactionOffsetCommit, errors: [.illegalGeneration]),
            Fault(request: .transactionOffsetCommit, errors: [.coordinatorNotAvailable, .unknownMember]),
            Fault(request: .endTransaction, errors: [.notCoordinator, .coordinatorNotAvailable]),
            Fault(request: .produce, errors: [.notLeader, .requestTimedOut]),
        ].map { Fault(request: $0.request, errors: $0.errors, arguments: ["--delivery", "exactly-once"]) }

        @Test("an error that passes: every request is answered")
        func anErrorThatPassesEveryRequestIsAnswered() async throws {
            // Each has brokers of its own, and waits for them most of the time.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, fault) in (Self.transient + Self.transactional).enumerated() {
                    if number >= 4 { try await group.next() }
                    group.addTask {
                        try await onOwnThread {
                            do {
                                try everyRequestIsAnswered(despite: fault)
                            } catch {
                                Issue.record(error, "\(fault)")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }

        private func everyRequestIsAnswered(despite fault: Fault) throws {
            let mock = try MockCluster()
            let stage = try Stage(mock: mock)
            let count = 3_000
            let load = RequestLoad(on: stage, count: count, perSecond: 1_500)
            let audit = try ReplyAudit(on: stage)
            let pool = try WorkerPool(on: stage, count: 1, hasStableNames: true, arguments: fault.arguments)
            // Before the worker has joined, and again while it works.
            if fault.request != .produce && fault.request != .fetch {
                mock.pushRequestErrors(fault.request, fault.errors)
            }
            try eventually(within: .seconds(30), "the first answers", details: { pool.process(0)?.errors ?? "" }) {
                audit.answered > 500
            }
            mock.pushRequestErrors(fault.request, fault.errors)
            let findings = try audit.settle(load, pool: pool, within: .seconds(40))
            audit.stop()
            findings.expectNothingLost("\(fault)")
            #expect(pool.selfEnds.isEmpty, "\(fault): \(pool.selfEnds)")
        }

        @Test("a reply that is too large for the broker becomes an error reply and a dead letter")
        func aReplyThatIsTooLargeForTheBroker() throws {
            let mock = try MockCluster()
            let stage = try Stage(mock: mock)
            let request = try stage.publish(
                [StoredRecord(value: Array(#"{"text":"trop"}"#.utf8))], to: stage.topics.requests)
            // The reply, and the same alone: the batch that it was in might have been what was too large.
            mock.pushRequestErrors(.produce, [.messageSizeTooLarge, .messageSizeTooLarge])
            let worker = try stage.startWorker()
            let reply = try stage.read(stage.topics.replies, count: 1)[0]
            #expect(reply.header(HeaderName.status) == ErrorCode.replyTooLarge.rawValue)
            #expect(reply.header(HeaderName.source) == request[0].source)
            let letter = try stage.read(stage.topics.deadLetters, count: 1)[0]
            #expect(letter.value == request[0].value)
            #expect(letter.header(HeaderName.deadLetterCode) == ErrorCode.replyTooLarge.rawValue)
            #expect(worker.isRunning)
        }

        @Test("a dead-letter topic that cannot be written stops the worker before it commits")
        func aDeadLetterTopicThatCannotBeWrittenStops() throws {
            let mock = try MockCluster()
            let stage = try Stage(mock: mock, partitions: 1)
            let good = Array(#"{"text":"un train pour Brest"}"#.utf8)
            let sent = try stage.publish(
                [StoredRecord(value: good), StoredRecord(value: Array("{".utf8)), StoredRecord(value: good)],
                to: stage.topics.requests)
            let worker = try stage.startWorker()
            _ = try stage.read(stage.topics.replies, count: 3)
            _ = try stage.read(stage.topics.deadLetters, count: 1)
            worker.signal(SIGTERM)
            #expect(try worker.wait() == 0)

            let more = try stage.publish([StoredRecord(value: Array("[".utf8))], to: stage.topics.requests)
            mock.setTopicError(stage.topics.deadLetters, .topicAuthorizationFailed)
            let stopped = try stage.startWorker(arguments: ["--start-timeout", "5s"])
            #expect(try stopped.wait(within: .seconds(60)) != 0)
            #expect(stopped.errors.contains(stage.topics.deadLetters), "\(stopped.errors)")
            let consumer = try Consumer(properties: stage.properties.merging(["group.id": stage.group]), log: stage.log)
            let committed = try consumer.committed(stage.partitions(of: stage.topics.requests))
            #expect(committed.map(\.1) == [Int64(sent.count)])

            mock.setTopicError(stage.topics.deadLetters, nil)
            let next = try stage.startWorker()
            let letters = try stage.read(stage.topics.deadLetters, count: 2)
            BadRecord.expect(letters, toHold: more[0], group: stage.group)
            #expect(next.isRunning)
        }
    }
}
