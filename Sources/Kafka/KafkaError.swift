import CRdKafka

/// librdkafka's error number: negative ones are the library's own, positive ones the broker's.
///
/// Any number is a valid code; the names below are those that callers decide by.
package struct KafkaErrorCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number, as `rd_kafka_resp_err_t` has it.
    package let rawValue: Int32

    /// Takes any number.
    package init(rawValue: Int32) { self.rawValue = rawValue }

    init(_ native: rd_kafka_resp_err_t) { rawValue = native.rawValue }

    var native: rd_kafka_resp_err_t { rd_kafka_resp_err_t(rawValue: rawValue) }

    /// The symbolic name, such as `_QUEUE_FULL` or `UNKNOWN_TOPIC_OR_PART`.
    package var name: String { String(cString: rd_kafka_err2name(native)) }

    /// The library's sentence for the code, such as `Local: Queue full`.
    package var description: String { String(cString: rd_kafka_err2str(native)) }
}

extension KafkaErrorCode {
    // Of the library.

    /// The producer's queue has no room: serve delivery reports and send again. Nothing was taken.
    package static let queueFull = Self(RD_KAFKA_RESP_ERR__QUEUE_FULL)
    /// The record was not acknowledged within `message.timeout.ms`.
    package static let messageTimedOut = Self(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
    /// A call did not finish within the time given; the same call may be made again.
    package static let timedOut = Self(RD_KAFKA_RESP_ERR__TIMED_OUT)
    /// The connection to one broker broke or could not be made; the library keeps trying.
    package static let transport = Self(RD_KAFKA_RESP_ERR__TRANSPORT)
    /// No broker can be reached; the library keeps trying.
    package static let allBrokersDown = Self(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
    /// A broker's host name has no address.
    package static let resolve = Self(RD_KAFKA_RESP_ERR__RESOLVE)
    /// The broker refused the credentials.
    package static let authentication = Self(RD_KAFKA_RESP_ERR__AUTHENTICATION)
    /// The TLS connection could not be made: an untrusted certificate, a wrong host name.
    package static let tls = Self(RD_KAFKA_RESP_ERR__SSL)
    /// The topic has no such partition, as far as the client knows.
    package static let unknownPartition = Self(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
    /// The topic does not exist, as far as the client knows.
    package static let unknownTopic = Self(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
    /// There is no offset to commit, or none was committed.
    package static let noOffset = Self(RD_KAFKA_RESP_ERR__NO_OFFSET)
    /// The call does not fit the client's state: a partition that is not assigned, no transaction begun.
    package static let erroneousState = Self(RD_KAFKA_RESP_ERR__STATE)
    /// The client cannot go on; see `KafkaError.isFatal`.
    package static let fatal = Self(RD_KAFKA_RESP_ERR__FATAL)
    /// A younger producer with the same `transactional.id` has taken over.
    package static let fenced = Self(RD_KAFKA_RESP_ERR__FENCED)
    /// The assignment was lost before the call could be made.
    package static let assignmentLost = Self(RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST)
    /// The record was dropped from the producer's queue by `purge`.
    package static let purgedInQueue = Self(RD_KAFKA_RESP_ERR__PURGE_QUEUE)
    /// The record was dropped by `purge` after it had been sent: the broker may have it or not.
    package static let purgedInFlight = Self(RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    /// An argument or a property is not valid.
    package static let invalidArgument = Self(RD_KAFKA_RESP_ERR__INVALID_ARG)
    /// The library has no such feature.
    package static let notImplemented = Self(RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED)
    /// The broker lacks what the call needs, as far as it has told.
    package static let unsupportedFeature = Self(RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
    /// The client is closed.
    package static let destroyed = Self(RD_KAFKA_RESP_ERR__DESTROY)
    /// A system call failed.
    package static let system = Self(RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)

    // Of the broker.

    /// The broker does not take this request, or not in this version.
    package static let unsupportedVersion = Self(RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION)
    /// The record is larger than the client or the topic allows.
    package static let messageSizeTooLarge = Self(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
    /// The broker knows no such topic or partition, or hides it from this user.
    package static let unknownTopicOrPartition = Self(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    /// The broker is not the partition's leader any more; the library asks again.
    package static let notLeader = Self(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION)
    /// The broker did not finish in time.
    package static let requestTimedOut = Self(RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT)
    /// The group's or the transaction's coordinator is not there yet.
    package static let coordinatorNotAvailable = Self(RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE)
    /// The broker is not the coordinator any more.
    package static let notCoordinator = Self(RD_KAFKA_RESP_ERR_NOT_COORDINATOR)
    /// The group has moved on to another generation: normal in a rebalance.
    package static let illegalGeneration = Self(RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION)
    /// The group does not know this member any more: normal after a rebalance.
    package static let unknownMember = Self(RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID)
    /// The group is choosing a new assignment.
    package static let rebalanceInProgress = Self(RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS)
    /// Another member has taken this `group.instance.id`. Fatal.
    package static let fencedInstance = Self(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
    /// With the consumer group protocol: there is no such group of that protocol. Fatal.
    package static let groupNotFound = Self(RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
    /// With the consumer group protocol: the group does not know this member under its epoch any more.
    package static let fencedMemberEpoch = Self(rawValue: 110)
    /// With the consumer group protocol: another member has this `group.instance.id`, or had it and has not left. Fatal.
    package static let unreleasedInstance = Self(rawValue: 111)
    /// With the consumer group protocol: the group has moved on to another epoch: normal in a rebalance.
    package static let staleMemberEpoch = Self(rawValue: 113)
    /// The transactional producer has been replaced by a younger one. Fatal.
    package static let producerFenced = Self(RD_KAFKA_RESP_ERR_PRODUCER_FENCED)
    /// Another transaction of the same id is still being finished.
    package static let concurrentTransactions = Self(RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS)
    /// A topic of this name is there already.
    package static let topicAlreadyExists = Self(RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
    /// The user may not use this topic.
    package static let topicAuthorizationFailed = Self(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    /// The broker refused the credentials.
    package static let saslAuthenticationFailed = Self(RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED)
    /// Too few replicas are in step for `acks=all`.
    package static let notEnoughReplicas = Self(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS)

    /// Whether a commit that failed so is normal while the group rebalances: the partition's next owner starts from the
    /// last offset that was committed. Do not retry.
    package var isNormalInRebalance: Bool {
        switch self {
        case .illegalGeneration, .unknownMember, .rebalanceInProgress, .assignmentLost, .fencedMemberEpoch,
            .staleMemberEpoch:
            true
        default: false
        }
    }

    /// Whether it says that nobody will let us in who comes as we do: no such host, no such user, no certificate to trust.
    var isRefusal: Bool { self == .authentication || self == .tls || self == .resolve }

    /// Whether it says that no broker answers or lets us in, as against an error about one record or one call.
    package var isAboutConnection: Bool {
        switch self {
        case .transport, .allBrokersDown, .resolve, .authentication, .tls, .saslAuthenticationFailed: true
        default: false
        }
    }
}

/// What went wrong in a call to Kafka. It never holds a payload or a secret, so it can be shown and logged.
package struct KafkaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The error's number.
    package let code: KafkaErrorCode
    /// What was being done, such as `send` or `commit offsets`.
    package let operation: String
    /// One sentence for people.
    package let message: String
    /// The client cannot go on and must be made anew, which usually means: exit and start again.
    package let isFatal: Bool
    /// The same call may succeed when made again.
    package let isRetriable: Bool
    /// The current transaction must be aborted; the producer lives on.
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
    /// The settings to look at when no broker can be spoken to, as a question; nil for an error about anything else.
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
