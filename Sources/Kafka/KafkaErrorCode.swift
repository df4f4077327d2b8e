import CRdKafka

/// librdkafka's error number: negative ones are the library's own, positive ones the broker's.
///
/// Any number is a valid code; the names below are those that callers decide by.
public struct KafkaErrorCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number, as `rd_kafka_resp_err_t` has it.
    public let rawValue: Int32

    /// Takes any number.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    init(_ native: rd_kafka_resp_err_t) { rawValue = native.rawValue }

    var native: rd_kafka_resp_err_t { rd_kafka_resp_err_t(rawValue: rawValue) }

    /// The symbolic name, such as `_QUEUE_FULL` or `UNKNOWN_TOPIC_OR_PART`.
    public var name: String { String(cString: rd_kafka_err2name(native)) }

    /// The library's sentence for the code, such as `Local: Queue full`.
    public var description: String { String(cString: rd_kafka_err2str(native)) }
}

extension KafkaErrorCode {
    // Of the library.

    /// The producer's queue has no room: serve delivery reports and send again. Nothing was taken.
    public static let queueFull = Self(RD_KAFKA_RESP_ERR__QUEUE_FULL)
    /// The record was not acknowledged within `message.timeout.ms`.
    public static let messageTimedOut = Self(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
    /// A call did not finish within the time given; the same call may be made again.
    public static let timedOut = Self(RD_KAFKA_RESP_ERR__TIMED_OUT)
    /// The connection to one broker broke or could not be made; the library keeps trying.
    public static let transport = Self(RD_KAFKA_RESP_ERR__TRANSPORT)
    /// No broker can be reached; the library keeps trying.
    public static let allBrokersDown = Self(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
    /// A broker's host name has no address.
    public static let resolve = Self(RD_KAFKA_RESP_ERR__RESOLVE)
    /// The broker refused the credentials.
    public static let authentication = Self(RD_KAFKA_RESP_ERR__AUTHENTICATION)
    /// The TLS connection could not be made: an untrusted certificate, a wrong host name.
    public static let tls = Self(RD_KAFKA_RESP_ERR__SSL)
    /// The topic has no such partition, as far as the client knows.
    public static let unknownPartition = Self(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
    /// The topic does not exist, as far as the client knows.
    public static let unknownTopic = Self(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
    /// There is no offset to commit, or none was committed.
    public static let noOffset = Self(RD_KAFKA_RESP_ERR__NO_OFFSET)
    /// The call does not fit the client's state: a partition that is not assigned, no transaction begun.
    public static let erroneousState = Self(RD_KAFKA_RESP_ERR__STATE)
    /// The client cannot go on; see `KafkaError.isFatal`.
    public static let fatal = Self(RD_KAFKA_RESP_ERR__FATAL)
    /// A younger producer with the same `transactional.id` has taken over.
    public static let fenced = Self(RD_KAFKA_RESP_ERR__FENCED)
    /// The assignment was lost before the call could be made.
    public static let assignmentLost = Self(RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST)
    /// The record was dropped from the producer's queue by `purge`.
    public static let purgedInQueue = Self(RD_KAFKA_RESP_ERR__PURGE_QUEUE)
    /// The record was dropped by `purge` after it had been sent: the broker may have it or not.
    public static let purgedInFlight = Self(RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    /// An argument or a property is not valid.
    public static let invalidArgument = Self(RD_KAFKA_RESP_ERR__INVALID_ARG)
    /// The library has no such feature.
    public static let notImplemented = Self(RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED)
    /// The broker lacks what the call needs, as far as it has told.
    public static let unsupportedFeature = Self(RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
    /// The client is closed.
    public static let destroyed = Self(RD_KAFKA_RESP_ERR__DESTROY)
    /// A system call failed.
    public static let system = Self(RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)

    // Of the broker.

    /// The broker does not take this request, or not in this version.
    public static let unsupportedVersion = Self(RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION)
    /// The record is larger than the client or the topic allows.
    public static let messageSizeTooLarge = Self(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
    /// The broker knows no such topic or partition, or hides it from this user.
    public static let unknownTopicOrPartition = Self(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    /// The broker is not the partition's leader any more; the library asks again.
    public static let notLeader = Self(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION)
    /// The broker did not finish in time.
    public static let requestTimedOut = Self(RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT)
    /// The group's or the transaction's coordinator is not there yet.
    public static let coordinatorNotAvailable = Self(RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE)
    /// The broker is not the coordinator any more.
    public static let notCoordinator = Self(RD_KAFKA_RESP_ERR_NOT_COORDINATOR)
    /// The group has moved on to another generation: normal in a rebalance.
    public static let illegalGeneration = Self(RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION)
    /// The group does not know this member any more: normal after a rebalance.
    public static let unknownMember = Self(RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID)
    /// The group is choosing a new assignment.
    public static let rebalanceInProgress = Self(RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS)
    /// Another member has taken this `group.instance.id`. Fatal.
    public static let fencedInstance = Self(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
    /// With the consumer group protocol: there is no such group of that protocol. Fatal.
    public static let groupNotFound = Self(RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
    /// With the consumer group protocol: the group does not know this member under its epoch any more.
    public static let fencedMemberEpoch = Self(rawValue: 110)
    /// With the consumer group protocol: another member has this `group.instance.id`, or had it and has not left. Fatal.
    public static let unreleasedInstance = Self(rawValue: 111)
    /// With the consumer group protocol: the group has moved on to another epoch: normal in a rebalance.
    public static let staleMemberEpoch = Self(rawValue: 113)
    /// The transactional producer has been replaced by a younger one. Fatal.
    public static let producerFenced = Self(RD_KAFKA_RESP_ERR_PRODUCER_FENCED)
    /// Another transaction of the same id is still being finished.
    public static let concurrentTransactions = Self(RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS)
    /// A topic of this name is there already.
    public static let topicAlreadyExists = Self(RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
    /// The user may not use this topic.
    public static let topicAuthorizationFailed = Self(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    /// The broker refused the credentials.
    public static let saslAuthenticationFailed = Self(RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED)
    /// Too few replicas are in step for `acks=all`.
    public static let notEnoughReplicas = Self(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS)

    /// Whether a commit that failed so is normal while the group rebalances: the partition's next owner starts from the
    /// last offset that was committed. Do not retry.
    public var isNormalInRebalance: Bool {
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
    public var isAboutConnection: Bool {
        switch self {
        case .transport, .allBrokersDown, .resolve, .authentication, .tls, .saslAuthenticationFailed: true
        default: false
        }
    }
}
