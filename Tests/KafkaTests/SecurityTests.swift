import Foundation
import Kafka
import Logging
import TestSupport
import Testing

/// TLS and SASL, against a broker of the tests' own that has them.
@Suite(
    "TLS and SASL", .timeLimit(.minutes(3)),
    .enabled(if: Broker.Kind.available.contains(.tansu), "an outside broker has its own certificate"))
struct SecurityTests {
    private func properties(_ broker: Broker, _ more: KafkaProperties) -> KafkaProperties {
        (["bootstrap.servers": broker.bootstrapServers] as KafkaProperties).merging(more)
    }

    @Test("a broker with a certificate is trusted by its authority alone")
    func tls() async throws {
        try await onOwnThread {
            let certificate = try SelfSignedCertificate()
            defer { certificate.remove() }
            let broker = try Broker.start(
                .tansu, arguments: ["--cert", certificate.certificateFile, "--key", certificate.keyFile])
            defer { broker.stop() }
            let log = KafkaLog(logger: RecordedLog().logger)
            let trusting = try AdminClient(
                properties: properties(
                    broker, ["security.protocol": "ssl", "ssl.ca.location": certificate.certificateFile]),
                log: log)
            #expect(try trusting.metadata().brokers.count == 1)
            let distrusting = try AdminClient(properties: properties(broker, ["security.protocol": "ssl"]), log: log)
            let error = #expect(throws: KafkaError.self) { try distrusting.metadata(within: .seconds(2)) }
            #expect(error?.message.contains("certificate") == true)
        }
    }

    @Test("a wrong password is refused in one line that says so and does not show it")
    func sasl() async throws {
        try await onOwnThread {
            let broker = try Broker.start(.tansu, arguments: ["--user", "alice:wonderland"])
            defer { broker.stop() }
            func login(_ password: String) -> KafkaProperties {
                properties(
                    broker,
                    [
                        "security.protocol": "sasl_plaintext", "sasl.mechanisms": "SCRAM-SHA-256",
                        "sasl.username": "alice", "sasl.password": password,
                    ])
            }
            let recorded = RecordedLog()
            let log = KafkaLog(logger: recorded.logger)
            let admin = try AdminClient(properties: login("wonderland"), log: log)
            #expect(try admin.metadata().brokers.count == 1)
            #expect(recorded.lines == [])

            let intruder = try Producer(properties: login("hunter2"), log: log)
            try repeatUntil({ !recorded.lines.isEmpty }) {
                intruder.receiveDeliveryReports(waiting: .milliseconds(100)) { _, _, _, _ in }
            }
            for _ in 0..<5 { intruder.receiveDeliveryReports(waiting: .milliseconds(100)) { _, _, _, _ in } }
            #expect(recorded.lines.map(\.level) == [.error])
            #expect(recorded.lines.first?.message.contains("uthentication") == true)
            #expect(!recorded.lines.contains { $0.message.contains("hunter2") })
        }
    }
}
