import CRdKafka

/// The librdkafka that the program runs with, which need not be the one it was built with.
public enum KafkaLibrary {
    /// The oldest version accepted: earlier ones lose messages of a batch in a rebalance (before 2.1.0) and misread
    /// the ApiVersions response of brokers that tag its fields (before 2.2.0).
    public static let minimumVersion = "2.2.0"

    /// The oldest version in which `group.protocol=consumer` (KIP-848) is no preview any more.
    public static let consumerProtocolVersion = "2.12.0"

    /// The version that is loaded, such as `2.16.1`.
    public static var version: String { String(cString: rd_kafka_version_str()) }

    /// Throws unless the loaded version is `minimumVersion` or newer. Call it once, at start.
    public static func requireSupportedVersion() throws(KafkaError) {
        try require(version: Int(rd_kafka_version()), named: version)
    }

    /// Throws unless the loaded version is `consumerProtocolVersion` or newer.
    public static func requireConsumerProtocol() throws(KafkaError) {
        try requireConsumerProtocol(version: Int(rd_kafka_version()), named: version)
    }

    /// `number` is librdkafka's hexadecimal `0xMMmmrrpp`: major, minor, revision, pre-release.
    package static func require(version number: Int, named name: String) throws(KafkaError) {
        try require(0x02_02_00, minimumVersion, of: number, named: name)
    }

    /// Whether the loaded version is so new.
    package static var hasConsumerProtocol: Bool { (try? requireConsumerProtocol()) != nil }

    package static func requireConsumerProtocol(version number: Int, named name: String) throws(KafkaError) {
        try require(0x02_0c_00, consumerProtocolVersion, of: number, named: name)
    }

    private static func require(
        _ needed: Int, _ neededName: String, of number: Int, named name: String
    ) throws(KafkaError) {
        guard number >> 8 < needed else { return }
        throw KafkaError(
            .notImplemented, operation: "start",
            message: "librdkafka \(name) is too old: \(neededName) or newer is needed")
    }
}
