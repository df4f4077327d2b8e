import Kafka

extension Producer {
    /// Sends a copy of a record; while the producer's queue is full, calls `whenFull`, which waits or serves delivery
    /// reports, and tries again.
    /// - Throws: `KafkaError` for anything else.
    func send(
        to topic: ProducerTopic, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        headers: inout RecordHeaders, token: UInt, whenFull: () -> Void
    ) throws(KafkaError) {
        while let refusal = attempt(to: topic, key: key, value: value, headers: &headers, token: token) {
            guard refusal.code == .queueFull else { throw refusal }
            whenFull()
        }
    }

    private func attempt(
        to topic: ProducerTopic, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        headers: inout RecordHeaders, token: UInt
    ) -> KafkaError? {
        do throws(KafkaError) {
            try send(to: topic, key: key, value: value, headers: &headers, token: token, copying: true)
            return nil
        } catch {
            return error
        }
    }
}
