import CRdKafka

/// The librdkafka loaded at run time, which may differ from the one used at build time.
package enum KafkaLibrary {
    /// The oldest supported version, which setup installs. Earlier ones may set a consumer's position wrongly on
    /// errors.
    package static let minimumVersion = "2.13.2"

    /// The loaded version, such as `2.16.1`.
    package static var version: String { String(cString: rd_kafka_version_str()) }

    /// Throws unless the loaded version is `minimumVersion` or newer. Call it once at startup.
    package static func requireSupportedVersion() throws(KafkaError) {
        try require(version: Int(rd_kafka_version()), named: version)
    }

    /// `number` is librdkafka's hexadecimal `0xMMmmrrpp`: major, minor, revision, pre-release.
    package static func require(version number: Int, named name: String) throws(KafkaError) {
        guard number >> 8 < 0x02_0D_02 else { return }
        throw KafkaError(
            .notImplemented, operation: "start",
            message: "librdkafka \(name) is too old: \(minimumVersion) or newer is needed; "
                + "`compose/local/setup` places one in .deps/lib")
    }
}
