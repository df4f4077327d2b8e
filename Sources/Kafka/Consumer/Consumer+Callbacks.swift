import CRdKafka

extension Consumer {
    /// Everything that librdkafka calls back on the thread that polls. C functions: they find the consumer by the opaque pointer.
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

    /// Gives up all partitions, whatever librdkafka says of some of them, and tells the handler, once.
    ///
    /// To a consumer that closes while a rebalance waits for it librdkafka calls twice: about that rebalance, then to revoke
    /// everything. It takes the answer to the first as the end of all (`rd_kafka_cgrp_handle_assign_op`) and leaves the
    /// group. What comes after that comes too late, up to 2.16 at least: a commit that is still under way then ends the
    /// process (an assertion in `rd_kafka_cgrp_terminated`, its issue 4792), and a second answer can wait for ever, as
    /// `rd_kafka_cgrp_op_serve` drops requests to a group that is over without a word.
    fileprivate func giveUpAll() {
        guard phase == .closing else { return }
        phase = .hasGivenUp
        partitionsGo(assignment)
        rd_kafka_assign(client.pointer, nil)
    }

    /// Tells the handler, while they are still ours unless the group has taken them away already.
    private func partitionsGo(_ partitions: [TopicPartition]) {
        if assignmentLost {
            rebalanceHandler?.partitionsLost(partitions, consumer: self)
        } else {
            rebalanceHandler?.partitionsRevoked(partitions, consumer: self)
        }
        assignmentHasChanged()
    }
}

/// What a member of a consumer group does when partitions come and go.
///
/// Called on the thread that polls the consumer, inside of `receive` or `close`; while it runs, the group waits for this member.
package protocol RebalanceHandler: AnyObject {
    /// These are now ours, and are being fetched from their committed offsets.
    func partitionsAssigned(_ partitions: [TopicPartition], consumer: Consumer)
    /// These are to be given away, and are still ours until this returns: finish what is in hand, store and commit.
    /// Records of them that come later must not be committed.
    func partitionsRevoked(_ partitions: [TopicPartition], consumer: Consumer)
    /// These are somebody else's already: drop what is in hand, never commit it.
    func partitionsLost(_ partitions: [TopicPartition], consumer: Consumer)
}
