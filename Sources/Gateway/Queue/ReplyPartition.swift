/// Which partition of the reply topic a gateway reads.
enum ReplyPartition {
    /// The one that was asked for, or one by the hash of the instance's name, so that a gateway that comes back reads
    /// the same one again and gateways of different names spread. Nil when the topic has no such partition.
    static func choose(configured: Int32?, instanceID: String, partitions: Int) -> Int32? {
        if let configured { return Int(configured) < partitions ? configured : nil }
        guard partitions > 0 else { return nil }
        return Int32(hash(instanceID) % UInt64(partitions))
    }

    /// FNV-1a: the same on every machine, which Swift's own hashes are not, and spread by a last mixing.
    static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        hash ^= hash >> 33
        hash &*= 0xff51_afd7_ed55_8ccd
        return hash ^ hash >> 33
    }
}
