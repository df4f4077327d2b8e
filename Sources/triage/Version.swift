import Kafka
import Telemetry

/// The version of the program, and of the library that speaks to Kafka for it.
enum Version {
    static var text: String { "triage \(ProgramVersion.number), librdkafka \(KafkaLibrary.version)" }
}
