/// What a member of a consumer group does when partitions come and go.
///
/// Called on the thread that polls the consumer, inside of `receive` or `close`; while it runs, the group waits for this member.
public protocol RebalanceHandler: AnyObject {
    /// These are now ours, and are being fetched from their committed offsets.
    func partitionsAssigned(_ partitions: [TopicPartition], consumer: Consumer)
    /// These are to be given away, and are still ours until this returns: finish what is in hand, store and commit.
    /// Records of them that come later must not be committed.
    func partitionsRevoked(_ partitions: [TopicPartition], consumer: Consumer)
    /// These are somebody else's already: drop what is in hand, never commit it.
    func partitionsLost(_ partitions: [TopicPartition], consumer: Consumer)
}
