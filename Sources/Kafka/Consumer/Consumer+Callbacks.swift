import CRdKafka

extension Consumer {
    /// Installs librdkafka's callbacks, which run on the polling thread. They are C functions, so they find the
    /// consumer through the opaque pointer.
    static func installCallbacks(in configuration: OpaquePointer, isMember: Bool) {
        rd_kafka_conf_set_error_cb(configuration) { client, code, text, _ in
            guard let client, let events = ClientEvents.of(client) else { return }
            let code = KafkaErrorCode(rawValue: code)
            if code == .fatal, let fatal = KafkaError.fatal(of: client) { return events.failed(fatal) }
            let message = text.map { String(cString: $0) }
            events.connectionFailed(KafkaError(code, operation: "connect", message: message), of: client)
        }
        guard isMember else { return }
        rd_kafka_conf_set_rebalance_cb(configuration) { client, code, partitions, _ in
            guard let client, let partitions else { return }
            guard let consumer = ClientEvents.of(client)?.consumer else {
                rd_kafka_assign(client, nil)
                return
            }
            if consumer.phase == .open { consumer.rebalance(code, partitions) } else { consumer.giveUpAll() }
        }
        rd_kafka_conf_set_offset_commit_cb(configuration) { client, code, _, _ in
            let code = KafkaErrorCode(code)
            guard code.rawValue != 0, code != .noOffset else { return }
            ClientEvents.of(client)?.commitFailed(KafkaError(code, operation: "commit offsets"))
        }
    }

    fileprivate func rebalance(
        _ code: rd_kafka_resp_err_t, _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
    ) {
        let partitions = list.pointee.partitions
        let isIncremental = rd_kafka_rebalance_protocol(client.pointer).map { String(cString: $0) } == "COOPERATIVE"
        do throws(KafkaError) {
            switch code {
            case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
                if isIncremental {
                    try KafkaError.check(consuming: rd_kafka_incremental_assign(client.pointer, list), "assign")
                } else {
                    try KafkaError.check(rd_kafka_assign(client.pointer, list), "assign")
                }
                assignmentHasChanged()
                rebalanceHandler?.partitionsAssigned(partitions, consumer: self)
            case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
                partitionsGo(partitions)
                if isIncremental {
                    try KafkaError.check(consuming: rd_kafka_incremental_unassign(client.pointer, list), "unassign")
                } else {
                    try KafkaError.check(rd_kafka_assign(client.pointer, nil), "unassign")
                }
            default:
                assignmentHasChanged()
                rd_kafka_assign(client.pointer, nil)
                throw KafkaError(KafkaErrorCode(code), operation: "rebalance")
            }
        } catch {
            events.failed(error)
        }
    }

    /// Gives up all partitions, whichever librdkafka names, and tells the handler once.
    ///
    /// When a consumer closes during a rebalance, librdkafka calls back twice: for that rebalance, then to revoke
    /// everything. It treats the answer to the first as final (`rd_kafka_cgrp_handle_assign_op`) and leaves the group.
    /// Anything later is too late, up to at least 2.16: a commit still in flight then aborts the process (an assertion
    /// in `rd_kafka_cgrp_terminated`, issue 4792), and a second answer can wait forever, as `rd_kafka_cgrp_op_serve`
    /// silently drops requests to a terminated group.
    fileprivate func giveUpAll() {
        guard phase == .closing else { return }
        phase = .hasGivenUp
        partitionsGo(assignment)
        rd_kafka_assign(client.pointer, nil)
    }

    /// Tells the handler before the partitions are unassigned, or that they were lost.
    private func partitionsGo(_ partitions: [TopicPartition]) {
        if assignmentLost {
            rebalanceHandler?.partitionsLost(partitions, consumer: self)
        } else {
            rebalanceHandler?.partitionsRevoked(partitions, consumer: self)
        }
        assignmentHasChanged()
    }
}

/// Handles partitions being assigned to and revoked from a group member.
///
/// Called on the thread that polls the consumer, inside `receive` or `close`. The rebalance waits until it returns.
package protocol RebalanceHandler: AnyObject {
    /// These partitions were assigned, and are being fetched from their committed offsets.
    func partitionsAssigned(_ partitions: [TopicPartition], consumer: Consumer)
    /// These partitions are being revoked, and are still ours until this returns: finish in-flight work, store and
    /// commit. Records of them that arrive later must not be committed.
    func partitionsRevoked(_ partitions: [TopicPartition], consumer: Consumer)
    /// These partitions may already have another owner: drop in-flight work and do not commit it.
    func partitionsLost(_ partitions: [TopicPartition], consumer: Consumer)
}
