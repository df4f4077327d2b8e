import CRdKafka

/// A topic as one consumer numbers it, from 0: compare and index by it, so that no record needs a `String`.
/// `Consumer.topicName(_:)` has the name.
public struct TopicID: Hashable, Sendable {
    /// The number, small enough to index an array.
    public let index: Int
}

/// Numbers topics by their names, and finds the number by librdkafka's handle.
struct TopicNames {
    private(set) var names: [String] = []
    private var handles: [(handle: OpaquePointer, id: TopicID)] = []

    /// Call when the assignment changes: librdkafka may then free a handle and use its address again.
    mutating func forgetHandles() { handles.removeAll(keepingCapacity: true) }

    mutating func id(of handle: OpaquePointer) -> TopicID {
        // A consumer reads a handful of topics, so a scan beats hashing.
        for known in handles where known.handle == handle { return known.id }
        let id = self.id(of: String(cString: rd_kafka_topic_name(handle)))
        handles.append((handle, id))
        return id
    }

    mutating func id(of name: String) -> TopicID {
        if let index = names.firstIndex(of: name) { return TopicID(index: index) }
        names.append(name)
        return TopicID(index: names.count - 1)
    }
}
