import Kafka

/// The version of the program, and of the library that speaks to Kafka for it.
enum Version {
    static let number = "0.1.0"
    static var text: String { "triage \(number), librdkafka \(KafkaLibrary.version)" }
}
