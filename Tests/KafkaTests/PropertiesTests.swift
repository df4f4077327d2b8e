import Kafka
import Testing

@Suite("Kafka properties")
struct PropertiesTests {
    @Test("the other's values win, and the order stays")
    func merging() {
        let merged = (["linger.ms": "5", "acks": "all"] as KafkaProperties).merging([
            "linger.ms": "0", "client.id": "c",
        ])
        #expect(merged.names == ["linger.ms", "acks", "client.id"])
        #expect(merged["linger.ms"] == "0")
    }

    @Test("nil removes a property")
    func removal() {
        var properties: KafkaProperties = ["linger.ms": "5", "acks": "all"]
        properties["linger.ms"] = nil
        #expect(properties == ["acks": "all"])
    }

    @Test(
        "secrets are not shown",
        arguments: [
            "sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
            "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
            "sasl.oauthbearer.assertion.private.key.passphrase",
        ])
    func redaction(name: String) {
        var properties: KafkaProperties = ["bootstrap.servers": "broker:9092"]
        properties[name] = "hunter2"
        #expect(properties.description == "bootstrap.servers=broker:9092 \(name)=[redacted]")
    }

    @Test("the place of a key is no secret")
    func places() {
        #expect(
            (["ssl.key.location": "/run/key.pem"] as KafkaProperties).description == "ssl.key.location=/run/key.pem")
    }

    @Test("an unknown property is named")
    func unknownProperty() {
        let error = #expect(throws: KafkaError.self) {
            try (["acks": "all", "linger.msec": "5"] as KafkaProperties).validate()
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == "unknown Kafka property \"linger.msec\"")
    }

    @Test("an invalid value is named with its property")
    func invalidValue() {
        let error = #expect(throws: KafkaError.self) { try (["linger.ms": "soon"] as KafkaProperties).validate() }
        #expect(error?.message.contains("\"linger.ms\"") == true)
        #expect(error?.message.contains("soon") == true)
    }

    @Test("valid properties pass")
    func valid() throws {
        try (["bootstrap.servers": "127.0.0.1:1", "linger.ms": "5"] as KafkaProperties).validate()
    }
}
