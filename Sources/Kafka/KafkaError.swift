import CRdKafka

/// librdkafka's error code: negative codes are local, positive ones come from the broker.
///
/// Any number is valid; the names below are the codes that callers check.
package struct KafkaErrorCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The value as an `rd_kafka_resp_err_t`.
    package let rawValue: Int32

    /// Accepts any number.
    package init(rawValue: Int32) { self.rawValue = rawValue }

    init(_ native: rd_kafka_resp_err_t) { rawValue = native.rawValue }

    var native: rd_kafka_resp_err_t { rd_kafka_resp_err_t(rawValue: rawValue) }

    /// The symbolic name, such as `_QUEUE_FULL` or `UNKNOWN_TOPIC_OR_PART`.
    package var name: String { String(cString: rd_kafka_err2name(native)) }

    /// The library's description, such as `Local: Queue full`.
    package var description: String { String(cString: rd_kafka_err2str(native)) }
}

extension KafkaErrorCode {
    // Library errors.

    /// The producer's queue is full: serve delivery reports and retry. Nothing was enqueued.
    package static let queueFull = Self(RD_KAFKA_RESP_ERR__QUEUE_FULL)
    /// The record was not acknowledged within `message.timeout.ms`.
    package static let messageTimedOut = Self(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
    /// A call timed out and may be retried.
    package static let timedOut = Self(RD_KAFKA_RESP_ERR__TIMED_OUT)
    /// The connection to one broker failed; the library keeps trying.
    package static let transport = Self(RD_KAFKA_RESP_ERR__TRANSPORT)
    /// No broker can be reached; the library keeps trying.
    package static let allBrokersDown = Self(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
    /// A broker's host name could not be resolved.
    package static let resolve = Self(RD_KAFKA_RESP_ERR__RESOLVE)
    /// The broker refused the credentials.
    package static let authentication = Self(RD_KAFKA_RESP_ERR__AUTHENTICATION)
    /// The TLS handshake failed: an untrusted certificate, a wrong host name.
    package static let tls = Self(RD_KAFKA_RESP_ERR__SSL)
    /// The topic has no such partition, as far as the client knows.
    package static let unknownPartition = Self(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
    /// The topic does not exist, as far as the client knows.
    package static let unknownTopic = Self(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
    /// There is no offset to commit, or none was committed.
    package static let noOffset = Self(RD_KAFKA_RESP_ERR__NO_OFFSET)
    /// The call is invalid in the client's state: a partition is not assigned, no transaction has begun.
    package static let erroneousState = Self(RD_KAFKA_RESP_ERR__STATE)
    /// The client is unusable; see `KafkaError.isFatal`.
    package static let fatal = Self(RD_KAFKA_RESP_ERR__FATAL)
    /// A newer producer with the same `transactional.id` has fenced this one.
    package static let fenced = Self(RD_KAFKA_RESP_ERR__FENCED)
    /// The assignment was lost before the call.
    package static let assignmentLost = Self(RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST)
    /// The record was dropped from the producer's queue by `purge`.
    package static let purgedInQueue = Self(RD_KAFKA_RESP_ERR__PURGE_QUEUE)
    /// The record was dropped by `purge` while in flight: the broker may or may not have it.
    package static let purgedInFlight = Self(RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    /// An argument or property is invalid.
    package static let invalidArgument = Self(RD_KAFKA_RESP_ERR__INVALID_ARG)
    /// The library lacks this feature.
    package static let notImplemented = Self(RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED)
    /// The broker lacks a required feature, as far as the client knows.
    package static let unsupportedFeature = Self(RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
    /// The client is closed.
    package static let destroyed = Self(RD_KAFKA_RESP_ERR__DESTROY)
    /// A system call failed.
    package static let system = Self(RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)

    // Broker errors.

    /// The broker does not support this request or version.
    package static let unsupportedVersion = Self(RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION)
    /// The record is larger than the client or the topic allows.
    package static let messageSizeTooLarge = Self(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
    /// The topic or partition does not exist, or is hidden from this user.
    package static let unknownTopicOrPartition = Self(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    /// The broker is no longer the partition's leader; the library refreshes its metadata.
    package static let notLeader = Self(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION)
    /// The request timed out on the broker.
    package static let requestTimedOut = Self(RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT)
    /// The group or transaction coordinator is not available yet.
    package static let coordinatorNotAvailable = Self(RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE)
    /// The broker is no longer the coordinator.
    package static let notCoordinator = Self(RD_KAFKA_RESP_ERR_NOT_COORDINATOR)
    /// The group has a newer generation: normal in a rebalance.
    package static let illegalGeneration = Self(RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION)
    /// The group no longer knows this member: normal after a rebalance.
    package static let unknownMember = Self(RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID)
    /// The group is rebalancing.
    package static let rebalanceInProgress = Self(RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS)
    /// Another member with this `group.instance.id` has fenced this one. Fatal.
    package static let fencedInstance = Self(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
    /// Consumer protocol: no group of that protocol exists. Fatal.
    package static let groupNotFound = Self(RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
    /// Consumer protocol: the member was fenced by the group coordinator.
    package static let fencedMemberEpoch = Self(rawValue: 110)
    /// Consumer protocol: this `group.instance.id` is still used by a member that has not left. Fatal.
    package static let unreleasedInstance = Self(rawValue: 111)
    /// Consumer protocol: the group has a newer epoch: normal in a rebalance.
    package static let staleMemberEpoch = Self(rawValue: 113)
    /// A newer transactional producer has fenced this one. Fatal.
    package static let producerFenced = Self(RD_KAFKA_RESP_ERR_PRODUCER_FENCED)
    /// Another transaction of the same id is still completing.
    package static let concurrentTransactions = Self(RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS)
    /// A topic of this name already exists.
    package static let topicAlreadyExists = Self(RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
    /// The user is not authorized for this topic.
    package static let topicAuthorizationFailed = Self(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    /// The broker refused the credentials.
    package static let saslAuthenticationFailed = Self(RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED)
    /// Too few replicas are in sync for `acks=all`.
    package static let notEnoughReplicas = Self(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS)

    /// Whether a commit failing with this code is normal in a rebalance: the partition's next owner starts from the
    /// last committed offset. Do not retry.
    package var isNormalInRebalance: Bool {
        switch self {
        case .illegalGeneration, .unknownMember, .rebalanceInProgress, .assignmentLost, .fencedMemberEpoch,
            .staleMemberEpoch:
            true
        default: false
        }
    }

    /// Whether retrying cannot help: bad credentials, a failed TLS handshake or an unresolvable host.
    var isRefusal: Bool { self == .authentication || self == .tls || self == .resolve }

    /// Whether no broker can be reached or accepts us, as opposed to an error of one record or call.
    package var isAboutConnection: Bool {
        switch self {
        case .transport, .allBrokersDown, .resolve, .authentication, .tls, .saslAuthenticationFailed: true
        default: false
        }
    }
}

/// An error from Kafka. It never contains a payload or a secret, so it can be shown and logged.
package struct KafkaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The error code.
    package let code: KafkaErrorCode
    /// The failed operation, such as `send` or `commit offsets`.
    package let operation: String
    /// A human-readable sentence.
    package let message: String
    /// The client is unusable and must be recreated, which usually means exit and restart.
    package let isFatal: Bool
    /// The same call may succeed if retried.
    package let isRetriable: Bool
    /// The current transaction must be aborted; the producer stays usable.
    package let isTransactionAbortable: Bool

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
    package var description: String { "\(operation): \(message) (\(code.name))" }
}

extension KafkaError {
    /// A question naming the settings to check when no broker can be reached; nil for other errors.
    package var remedy: String? {
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

    /// Throws librdkafka's error object as a `KafkaError` and destroys it; does nothing for nil.
    static func check(consuming native: OpaquePointer?, _ operation: @autoclosure () -> String) throws(KafkaError) {
        guard let native else { return }
        defer { rd_kafka_error_destroy(native) }
        throw KafkaError(
            KafkaErrorCode(rd_kafka_error_code(native)), operation: operation(),
            message: String(cString: rd_kafka_error_string(native)),
            isFatal: rd_kafka_error_is_fatal(native) != 0, isRetriable: rd_kafka_error_is_retriable(native) != 0,
            isTransactionAbortable: rd_kafka_error_txn_requires_abort(native) != 0)
    }

    /// The client's fatal error, if any.
    static func fatal(of client: OpaquePointer) -> KafkaError? {
        var text = [CChar](repeating: 0, count: 512)
        let code = rd_kafka_fatal_error(client, &text, text.count)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return KafkaError(KafkaErrorCode(code), operation: "run", message: String(text), isFatal: true)
    }
}

extension String {
    /// Reads a null-terminated C string from a buffer.
    init(_ buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
