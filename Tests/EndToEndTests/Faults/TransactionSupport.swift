import TestSupport

/// What a broker does about transactions, measured.
enum TransactionSupport {
    /// Whether it aborts what a killed producer left open. Tansu commits it, or leaves it open, which
    /// holds up read-committed readers for ever.
    static var survivesKills: Bool { Broker.Kind.available == [.given] }

    /// The accidents after which a read-committed reader must still see every answer once.
    ///
    /// None where they cannot be shown: Tansu also shows such a reader what was aborted, as a transaction is whose member
    /// loses its partitions, and leaves partitions without a member when a named one goes (both seen with
    /// confluent-kafka's Python clients too). What the worker does then is tested against the mock cluster.
    static var accidents: [(Storm.Accident, Int)] {
        survivesKills ? Scale.pick(short: [(.kill, 3), (.cut, 2)], soak: [(.kill, 20), (.cut, 10)]) : []
    }

    /// What the workers are told beside `--delivery`.
    ///
    /// When three members with names join at once and hand partitions over cooperatively, Tansu leaves some of these without
    /// a member for good in one group of ten (6 of 60, with confluent-kafka's Python consumers too; none of 60
    /// without names, none of 120 with an eager assignment).
    static var workerArguments: [String] {
        survivesKills ? [] : ["--kafka", "partition.assignment.strategy=roundrobin"]
    }
}
