import CRdKafka

/// What went wrong in a call to Kafka. It never holds a payload or a secret, so it can be shown and logged.
public struct KafkaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The error's number.
    public let code: KafkaErrorCode
    /// What was being done, such as `send` or `commit offsets`.
    public let operation: String
    /// One sentence for people.
    public let message: String
    /// The client cannot go on and must be made anew, which usually means: exit and start again.
    public let isFatal: Bool
    /// The same call may succeed when made again.
    public let isRetriable: Bool
    /// The current transaction must be aborted; the producer lives on.
    public let isTransactionAbortable: Bool

    package init(
        _ code: KafkaErrorCode, operation: String, message: String? = nil, isFatal: Bool = false,
        isRetriable: Bool = false, isTransactionAbortable: Bool = false
    ) {
        self.code = code
        self.operation = operation
        self.message = message ?? code.description
        self.isFatal = isFatal
        self.isRetriable = isRetriable
        self.isTransactionAbortable = isTransactionAbortable
    }

    /// `OPERATION: MESSAGE (NAME)`.
    public var description: String { "\(operation): \(message) (\(code.name))" }
}

extension KafkaError {
    /// The settings to look at when no broker can be spoken to, as a question; nil for an error about anything else.
    public var remedy: String? {
        switch code {
        case .authentication, .saslAuthenticationFailed:
            "are --kafka sasl.mechanism, --kafka sasl.username and --kafka-secret sasl.password right?"
        case .tls:
            "do --kafka security.protocol and --kafka ssl.ca.location fit the brokers?"
        case .resolve:
            "is --bootstrap-servers right?"
        case .transport, .allBrokersDown, .timedOut:
            "is --bootstrap-servers right, and does --kafka security.protocol fit the brokers?"
        default:
            nil
        }
    }

    /// Throws unless `native` is "no error".
    static func check(_ native: rd_kafka_resp_err_t, _ operation: @autoclosure () -> String) throws(KafkaError) {
        guard native != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        throw KafkaError(KafkaErrorCode(native), operation: operation())
    }

    /// Throws what librdkafka's error object says, and destroys the object; nothing happens for a null one.
    static func check(consuming native: OpaquePointer?, _ operation: @autoclosure () -> String) throws(KafkaError) {
        guard let native else { return }
        defer { rd_kafka_error_destroy(native) }
        throw KafkaError(
            KafkaErrorCode(rd_kafka_error_code(native)), operation: operation(),
            message: String(cString: rd_kafka_error_string(native)),
            isFatal: rd_kafka_error_is_fatal(native) != 0, isRetriable: rd_kafka_error_is_retriable(native) != 0,
            isTransactionAbortable: rd_kafka_error_txn_requires_abort(native) != 0)
    }

    /// The client's fatal error, if it has met one.
    static func fatal(of client: OpaquePointer) -> KafkaError? {
        var text = [CChar](repeating: 0, count: 512)
        let code = rd_kafka_fatal_error(client, &text, text.count)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return KafkaError(KafkaErrorCode(code), operation: "run", message: String(text), isFatal: true)
    }
}

extension String {
    /// Reads a buffer that C has filled with a terminated string.
    init(_ buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
