import CRdKafka
import CRdKafkaMock
package import Kafka
import Platform
import Synchronization

/// librdkafka's brokers in this process, for tests: real sockets on free ports, and faults on demand.
///
/// It knows groups, transactions and idempotence well enough for a client. Any thread.
package final class MockCluster: @unchecked Sendable {  // The cluster serves calls on a thread of its own.
    private let client: OpaquePointer
    private let cluster: OpaquePointer
    /// The addresses for `bootstrap.servers`.
    package let bootstrapServers: String

    /// Requests that faults can be laid on, by Kafka's API keys.
    package enum Request: Int16, Sendable {
        case produce = 0, fetch = 1, listOffsets = 2, metadata = 3, offsetCommit = 8, offsetFetch = 9
        case findCoordinator = 10, joinGroup = 11, heartbeat = 12, leaveGroup = 13, syncGroup = 14
        case initProducerID = 22, addPartitionsToTransaction = 24, addOffsetsToTransaction = 25, endTransaction = 26
        case transactionOffsetCommit = 28, consumerGroupHeartbeat = 68
    }

    /// Starts brokers with the ids 1 to `brokers`. They stop when the object ends.
    package init(brokers: Int = 1) throws(Failure) {
        let configuration = rd_kafka_conf_new()
        // Its own client's lines are no news.
        rd_kafka_conf_set_log_cb(configuration, { _, _, _, _ in })
        var reason = [CChar](repeating: 0, count: 512)
        guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &reason, reason.count),
            let cluster = rd_kafka_mock_cluster_new(client, Int32(brokers))
        else { throw Failure(operation: "start mock cluster", code: KafkaErrorCode(rawValue: -1)) }
        self.client = client
        self.cluster = cluster
        bootstrapServers = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
        // A group's first assignment otherwise waits for 3 s.
        rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
        rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(cluster, 100)
        rd_kafka_mock_start_request_tracking(cluster)
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(client)
    }

    /// What librdkafka refused.
    package struct Failure: Error {
        let operation: String
        let code: KafkaErrorCode
    }

    private static let bindingPort = Mutex(())

    /// Starts a program, while no broker that goes down binds its port anew.
    ///
    /// A child has copies of all sockets until it closes them. While one of them listens the port cannot be bound, and
    /// librdkafka's assertion that it can ends this process. Whatever starts programs beside a mock cluster does it here.
    ///
    /// - Parameter start: returns when the child has closed what it inherited; that an `exec` will do so is too late,
    ///   because the parent goes on before.
    package static func startProgram<Value, Failure: Error>(
        _ start: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try bindingPort.withLock { _ throws(Failure) in try start() }
    }

    /// Makes a topic. One that a client asks for is made by itself otherwise, with 4 partitions.
    package func createTopic(_ name: String, partitions: Int = 1, replicas: Int = 1) throws(Failure) {
        let code = rd_kafka_mock_topic_create(cluster, name, Int32(partitions), Int32(replicas))
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw Failure(operation: "create mock topic", code: KafkaErrorCode(rawValue: code.rawValue))
        }
    }

    /// Has no such request any more, as an older broker has not.
    package func withdraw(_ request: Request) {
        rd_kafka_mock_set_apiversion(cluster, request.rawValue, -1, -1)
    }

    /// Answers the next requests of a kind with these errors, one each.
    package func pushRequestErrors(_ request: Request, _ errors: [KafkaErrorCode]) {
        let natives = errors.map { rd_kafka_resp_err_t(rawValue: $0.rawValue) }
        rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, natives.count, natives)
    }

    /// Gives every use of a topic this error, or none.
    package func setTopicError(_ topic: String, _ error: KafkaErrorCode?) {
        rd_kafka_mock_topic_set_error(cluster, topic, rd_kafka_resp_err_t(rawValue: error?.rawValue ?? 0))
    }

    /// Cuts a broker's connections and refuses new ones, or lets them in again.
    package func setBroker(_ id: Int = 1, isDown: Bool) {
        if isDown {
            _ = Self.bindingPort.withLock { _ in rd_kafka_mock_broker_set_down(cluster, Int32(id)) }
        } else {
            rd_kafka_mock_broker_set_up(cluster, Int32(id))
        }
    }

    /// Holds every answer of a broker back for so long.
    package func setRoundTripTime(_ time: Duration, broker id: Int = 1) {
        rd_kafka_mock_broker_set_rtt(cluster, Int32(id), Int32(time.milliseconds))
    }

    /// Holds a broker's answer to its next request of a kind back for so long.
    package func delay(_ request: Request, by time: Duration, broker id: Int = 1) {
        triage_mock_delay_request(cluster, Int32(id), request.rawValue, Int32(time.milliseconds))
    }

    /// Moves a partition to another broker.
    package func setLeader(of partition: TopicPartition, broker id: Int) {
        rd_kafka_mock_partition_set_leader(cluster, partition.topic, partition.partition, Int32(id))
    }

    /// Moves the coordinator of a group to another broker.
    package func setCoordinator(ofGroup group: String, broker id: Int) {
        rd_kafka_mock_coordinator_set(cluster, "group", group, Int32(id))
    }

    /// The kinds of the requests that came so far, oldest first, those that `Request` does not name left out.
    package func requests() -> [Request] {
        var keys = [Int16](repeating: -1, count: 65_536)
        let count = triage_mock_requests(cluster, &keys, keys.count)
        return keys.prefix(count).compactMap(Request.init(rawValue:))
    }
}
