import CRdKafka
import Logging

/// librdkafka's configuration properties by name, in the order in which they were given.
///
/// Any property of the library is allowed; its own page CONFIGURATION.md lists them. Values never appear in
/// `description` when the name says that they are secret.
///
/// ```swift
/// let properties: KafkaProperties = ["bootstrap.servers": "127.0.0.1:9092", "linger.ms": "5"]
/// let merged = properties.merging(["linger.ms": "0"])
/// ```
package struct KafkaProperties: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    private(set) var pairs: [(name: String, value: String)] = []

    /// No properties.
    package init() {}

    /// Properties in the literal's order; a later one wins over an earlier one of the same name.
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { self[name] = value }
    }

    /// The value of a property; nil where it is not given. Setting nil removes it.
    package subscript(name: String) -> String? {
        get { pairs.first { $0.name == name }?.value }
        set {
            let index = pairs.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): pairs[index].value = value
            case (let index?, nil): pairs.remove(at: index)
            case (nil, let value?): pairs.append((name, value))
            case (nil, nil): break
            }
        }
    }

    /// The names, in order.
    package var names: [String] { pairs.map(\.name) }

    /// These properties and the others, whose values win.
    package func merging(_ other: KafkaProperties) -> KafkaProperties {
        var merged = self
        for (name, value) in other.pairs { merged[name] = value }
        return merged
    }

    /// Throws one error that names the property if the library does not know a name, does not take a value, or cannot use
    /// them together. Connects nowhere, so that a program can check its settings at start.
    package func validate() throws(KafkaError) {
        try NativeConfiguration(self).discard()
        // Files and what goes together are looked at only by a client. One that has no brokers connects nowhere; one that
        // fetches tokens would begin to.
        var offline = self
        offline["bootstrap.servers"] = nil
        offline["metadata.broker.list"] = nil
        guard offline["sasl.oauthbearer.method"] == nil else { return }
        let log = KafkaLog(logger: Logger(label: "kafka") { _ in SwiftLogNoOpLogHandler() })
        _ = try NativeConfiguration(offline).makeClient(RD_KAFKA_PRODUCER, events: ClientEvents(log))
    }

    /// Equal when the same names have the same values in the same order.
    package static func == (left: KafkaProperties, right: KafkaProperties) -> Bool {
        left.pairs.elementsEqual(right.pairs) { $0 == $1 }
    }

    /// Hashes names and values.
    package func hash(into hasher: inout Hasher) {
        for (name, value) in pairs {
            hasher.combine(name)
            hasher.combine(value)
        }
    }
}

extension KafkaProperties: CustomStringConvertible {
    /// `NAME=VALUE` separated by spaces, `[redacted]` in the place of secrets.
    package var description: String {
        pairs.map { "\($0.name)=\(Self.isSecret($0.name) ? "[redacted]" : $0.value)" }.joined(separator: " ")
    }

    /// Whether a property's value must not be shown: passwords, client secrets, tokens and keys, but not the
    /// places of files that hold them.
    package static func isSecret(_ name: String) -> Bool {
        guard !name.hasSuffix(".location"), !name.hasSuffix(".file") else { return false }
        return ["password", "passphrase", "secret", "token", "key", "jaas", "sasl.oauthbearer.config"]
            .contains { name.lowercased().contains($0) }
    }
}
