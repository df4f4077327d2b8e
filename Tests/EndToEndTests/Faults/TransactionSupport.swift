import TestSupport

/// What a broker does about transactions, measured (design §7).
enum TransactionSupport {
    /// Whether it aborts what a killed producer left open. Tansu commits it, or leaves it open, which
    /// holds up read-committed readers for ever.
    static var survivesKills: Bool { Broker.Kind.available == [.given] }

    /// The accidents after which a read-committed reader must still see every answer once.
    static var accidents: [(Storm.Accident, Int)] {
        survivesKills
            ? Scale.pick(short: [(.kill, 3), (.cut, 2)], soak: [(.kill, 20), (.cut, 10)])
            : Scale.pick(short: [(.leave, 3)], soak: [(.leave, 20)])
    }
}
