import Kafka
import Telemetry

/// The version of the program, with the commit that it was built from, and of the library that speaks to Kafka for it.
enum Version {
    static var text: String { "triage \(ProgramVersion.text), librdkafka \(KafkaLibrary.version)" }
}
