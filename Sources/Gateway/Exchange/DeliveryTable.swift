package import Platform

/// Callers that wait for the broker to acknowledge their records. A pure state machine without side effects.
package struct DeliveryTable: Sendable {
    package typealias Continuation = CheckedContinuation<GatewayError?, Never>
    package typealias Token = SlotTable<Delivery>.Token

    /// One caller.
    package struct Delivery: Sendable {
        var remaining: Int
        var error: GatewayError?
        let deadline: MonotonicTime
        var continuation: Continuation?
    }

    private var deliveries = SlotTable<Delivery>()

    package init() {}

    package mutating func begin(_ records: Int, deadline: MonotonicTime) -> Token {
        deliveries.insert(Delivery(remaining: records, error: nil, deadline: deadline, continuation: nil))
    }

    /// Returns the outcome if it is known (`.some(nil)` is success); otherwise keeps the continuation.
    package mutating func await(_ token: Token, _ continuation: Continuation) -> GatewayError?? {
        guard let delivery = deliveries[token] else { return .some(.cancelled) }
        if delivery.remaining == 0 {
            deliveries.remove(token)
            return .some(delivery.error)
        }
        deliveries.update(token) { $0.continuation = continuation }
        return nil
    }

    /// Records the outcome of `count` records. Returns the continuation to resume if these were the last ones.
    package mutating func report(
        _ token: Token, _ error: GatewayError?, count: Int = 1
    ) -> (Continuation, GatewayError?)? {
        let isComplete = deliveries.update(token) { delivery in
            delivery.remaining -= count
            delivery.error = delivery.error ?? error
            return delivery.remaining == 0 && delivery.continuation != nil
        }
        guard isComplete == true, let delivery = deliveries.remove(token), let continuation = delivery.continuation
        else { return nil }
        return (continuation, delivery.error)
    }

    /// Removes a caller. Its records are still delivered.
    package mutating func abandon(_ token: Token) -> Continuation? {
        deliveries.remove(token)?.continuation
    }

    /// Removes the callers whose deadline has passed.
    package mutating func expire(now: MonotonicTime) -> [Continuation] {
        var expired: [Token] = []
        deliveries.forEach { token, delivery in
            if delivery.deadline <= now, delivery.continuation != nil { expired.append(token) }
        }
        return expired.compactMap { deliveries.remove($0)?.continuation }
    }
}
