import CRdKafka
import Logging

/// librdkafka's configuration properties by name, in the order given.
///
/// Any librdkafka property is allowed; see its CONFIGURATION.md. `description` redacts values whose name marks them as
/// secret.
///
/// ```swift
/// let properties: KafkaProperties = ["bootstrap.servers": "127.0.0.1:9092", "linger.ms": "5"]
/// let merged = properties.merging(["linger.ms": "0"])
/// ```
package struct KafkaProperties: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    private(set) var pairs: [(name: String, value: String)] = []

    /// Creates an empty set.
    package init() {}

    /// Properties in the literal's order; the last value of a repeated name wins.
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { self[name] = value }
    }

    /// The value of a property; nil if not set. Setting nil removes it.
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

    /// Merges two sets; values of `other` win.
    package func merging(_ other: KafkaProperties) -> KafkaProperties {
        var merged = self
        for (name, value) in other.pairs { merged[name] = value }
        return merged
    }

    /// Throws an error naming the property if the library rejects a name, a value or a combination. Connects nowhere,
    /// so that a program can check its settings at startup.
    package func validate() throws(KafkaError) {
        try NativeConfiguration(self).discard()
        // Only creating a client checks files and combinations. Without brokers it connects nowhere, but OAuth would
        // start fetching tokens.
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
    /// `NAME=VALUE` separated by spaces, with secrets shown as `[redacted]`.
    package var description: String {
        pairs.map { "\($0.name)=\(Self.isSecret($0.name) ? "[redacted]" : $0.value)" }.joined(separator: " ")
    }

    /// Whether a property's value must not be shown: passwords, client secrets, tokens and keys, but not paths of files
    /// that hold them.
    package static func isSecret(_ name: String) -> Bool {
        guard !name.hasSuffix(".location"), !name.hasSuffix(".file") else { return false }
        return ["password", "passphrase", "secret", "token", "key", "jaas", "sasl.oauthbearer.config"]
            .contains { name.lowercased().contains($0) }
    }
}
