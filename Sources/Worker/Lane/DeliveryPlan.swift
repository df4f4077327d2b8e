package import Kafka
import Messages

/// How one request's reply and dead letter are to be sent, and why it has no classification if it has none. Each time something
/// cannot be delivered leads to the next smaller thing, until something is delivered or the worker has to stop. A value without
/// Kafka's client.
package struct DeliveryPlan: Hashable, Sendable {
    package enum Reply: Hashable, Sendable {
        /// As any other.
        case whole
        /// The same with nothing else on its way: a broker refuses a whole set of records for one that is too large.
        case alone
        /// A small error reply, without the request's id.
        case small
        /// Not at all: even the small one cannot be delivered.
        case none
    }

    package enum DeadLetter: Hashable, Sendable {
        /// As any other.
        case whole
        /// The same with nothing else on its way.
        case alone
        /// Without the request's key, value and headers, which are too large: it says where the request lies.
        case bare
    }

    package enum Outcome: Hashable, Sendable {
        /// Send these now.
        case send([DeliveryToken.Part])
        /// The dead letter cannot be written: nothing after it may be committed.
        case stop
    }

    /// What a reply is worth that could not be delivered yet.
    package enum Patience: Hashable, Sendable {
        /// It is sent again, however often.
        case endless
        /// Nobody waits for it any more.
        case over
        /// Somebody may, but others have waited long enough until it is out of their way.
        case exhausted
    }

    package private(set) var reply = Reply.whole
    package private(set) var deadLetter = DeadLetter.whole
    /// Why there is no classification; `nil` if there is one and it can be delivered as far as is known.
    package internal(set) var failure: Answer.Failure?
    /// The reply's partition is left to its key: the one asked for does not take it.
    package private(set) var goesByKey = false

    /// The plan for a request of which nothing bad is known yet, or that failed.
    package init(failure: Answer.Failure? = nil) {
        self.failure = failure
    }

    /// For a request that another worker answers.
    static let nothing = {
        var plan = DeliveryPlan()
        plan.reply = .none
        return plan
    }()

    /// Whether this part is to be on its way with nothing beside it.
    func isAlone(_ part: DeliveryToken.Part) -> Bool {
        switch part {
        case .reply: reply == .alone
        case .deadLetter: deadLetter == .alone
        }
    }

    /// Whether the request itself is kept in the dead-letter topic, as far as is known.
    var hasDeadLetter: Bool { failure?.code.isDeadLettered ?? false }

    /// Something was not delivered. Returns what to send in its place.
    package mutating func undelivered(
        _ part: DeliveryToken.Part, _ code: KafkaErrorCode, patience: Patience = .endless
    ) -> Outcome {
        if code.isTransient {
            switch (part, patience) {
            case (.deadLetter, _), (.reply, .endless): return .send([part])
            case (.reply, .exhausted): return replyUndelivered(isTooLarge: false, code)
            case (.reply, .over):
                reply = .none
                return .send([])
            }
        }
        let isTooLarge = code == .messageSizeTooLarge
        switch part {
        case .reply:
            return replyUndelivered(isTooLarge: isTooLarge, code)
        case .deadLetter:
            guard isTooLarge else { return .stop }
            switch deadLetter {
            case .whole: deadLetter = .alone
            case .alone: deadLetter = .bare
            case .bare: return .stop
            }
            return .send([.deadLetter])
        }
    }

    private mutating func replyUndelivered(isTooLarge: Bool, _ code: KafkaErrorCode) -> Outcome {
        if !isTooLarge { goesByKey = true }
        switch reply {
        case .whole where isTooLarge:
            reply = .alone
            return .send([.reply])
        case .whole, .alone:
            reply = .small
            guard failure == nil else { return .send([.reply]) }
            failure =
                isTooLarge
                ? Answer.Failure(.replyTooLarge, "the classification is larger than the reply topic takes")
                : Answer.Failure(.replyNotDelivered, "the reply cannot be delivered: \(code.description)")
            return .send([.reply, .deadLetter])
        case .small, .none:
            reply = .none
            return .send([])
        }
    }
}

extension KafkaErrorCode {
    /// Says nothing about the record: it was too early, or the record was taken back. The same can be sent again.
    var isTransient: Bool {
        switch self {
        case .messageTimedOut, .timedOut, .transport, .purgedInQueue, .purgedInFlight, .requestTimedOut, .notLeader,
            .notEnoughReplicas:
            true
        default: false
        }
    }
}

/// What the producer hands back with a delivery report: which batch, which of its records, and what was sent for it.
package struct DeliveryToken: Hashable {
    /// What was sent for a request.
    package enum Part: UInt8, CaseIterable, Sendable {
        case reply = 0
        case deadLetter
    }

    /// The batch's place in the window.
    package let slot: Int
    /// The record's index in its batch.
    package let record: Int
    /// What was sent.
    package let part: Part

    package init(slot: Int, record: Int, part: Part) {
        self.slot = slot
        self.record = record
        self.part = part
    }

    /// Takes apart what ``bits`` put together.
    package init(bits: UInt) {
        slot = Int(bits >> 32)
        record = Int(bits >> 1 & 0x7fff_ffff)
        part = bits & 1 == 0 ? .reply : .deadLetter
    }

    package var bits: UInt { UInt(slot) << 32 | UInt(record) << 1 | UInt(part.rawValue) }
}
