import CRdKafka
import Foundation

/// librdkafka's configuration object, until a client takes ownership or it is discarded.
struct NativeConfiguration: ~Copyable {
    let pointer: OpaquePointer
    /// Whether librdkafka fetches OAuth tokens itself.
    private let usesOpenIDConnect: Bool

    /// Throws an error naming the property if the library rejects a name or a value.
    init(_ properties: KafkaProperties) throws(KafkaError) {
        pointer = rd_kafka_conf_new()
        usesOpenIDConnect = properties["sasl.oauthbearer.method"]?.lowercased() == "oidc"
        for (name, value) in properties.pairs {
            var text = [CChar](repeating: 0, count: 512)
            let result = rd_kafka_conf_set(pointer, name, value, &text, text.count)
            if result == RD_KAFKA_CONF_OK, Self.isReadable(name: name, value: value) { continue }
            rd_kafka_conf_destroy(pointer)
            guard result != RD_KAFKA_CONF_OK else {
                throw KafkaError(
                    .invalidArgument, operation: "configure",
                    message: "the Kafka property \"\(name)\" names \(value), which cannot be read")
            }
            throw Self.refusal(result, name: name, value: value, reason: String(text))
        }
    }

    /// Whether the file a property names is readable. For an unreadable one the library reports only its failed call.
    private static func isReadable(name: String, value: String) -> Bool {
        guard name.hasPrefix("ssl."), name.hasSuffix(".location"), value != "probe" else { return true }
        return access(value, R_OK) == 0
    }

    private static func refusal(
        _ result: rd_kafka_conf_res_t, name: String, value: String, reason: String
    ) -> KafkaError {
        let shown = KafkaProperties.isSecret(name) ? "" : " \"\(value)\""
        let message =
            result == RD_KAFKA_CONF_UNKNOWN
            ? "unknown Kafka property \"\(name)\""
            : "invalid value\(shown) for the Kafka property \"\(name)\": \(reason)"
        return KafkaError(.invalidArgument, operation: "configure", message: message)
    }

    /// Frees the object without creating a client.
    consuming func discard() { rd_kafka_conf_destroy(pointer) }

    /// Creates a client, which takes ownership of the configuration and `events` until `NativeClient` is destroyed.
    consuming func makeClient(_ kind: rd_kafka_type_t, events: ClientEvents) throws(KafkaError) -> NativeClient {
        // Balanced by the release in NativeClient's deinit, after the last callback, or right here.
        let context = Unmanaged.passRetained(events)
        rd_kafka_conf_set_opaque(pointer, context.toOpaque())
        events.install(in: pointer)
        if usesOpenIDConnect { rd_kafka_conf_enable_sasl_queue(pointer, 1) }
        var text = [CChar](repeating: 0, count: 512)
        guard let client = rd_kafka_new(kind, pointer, &text, text.count) else {
            rd_kafka_conf_destroy(pointer)
            context.release()
            let role = kind == RD_KAFKA_PRODUCER ? "producer" : "consumer"
            // OpenSSL's details are not useful to users.
            let reason = String(text)
            let end = reason.range(of: ": error:")?.lowerBound ?? reason.endIndex
            throw KafkaError(
                .invalidArgument, operation: "create \(role)", message: "Kafka properties: \(reason[..<end])")
        }
        let handle = NativeClient(pointer: client, context: context)
        if usesOpenIDConnect {
            // Otherwise a blocking call would wait for a token that only its own thread can fetch.
            try KafkaError.check(consuming: rd_kafka_sasl_background_callbacks_enable(client), "fetch OAuth tokens")
        }
        return handle
    }
}
