package import Kafka
import Messages

/// How to send the reply and dead letter of a request; holds the failure if there is no classification. Each failed
/// delivery leads to the next smaller form, until something is delivered or the worker has to stop. A value,
/// independent of the Kafka client.
package struct DeliveryPlan: Hashable, Sendable {
    package enum Reply: Hashable, Sendable {
        /// As any other.
        case whole
        /// In full, with nothing else in flight: a broker rejects a whole record batch if one record is too large.
        case alone
        /// A small error reply, without the request's id.
        case small
        /// Not sent: even the small one cannot be delivered.
        case none
    }

    package enum DeadLetter: Hashable, Sendable {
        /// As any other.
        case whole
        /// In full, with nothing else in flight.
        case alone
        /// Without the request's key, value and headers, which are too large: it only says where the request is.
        case bare
    }

    package enum Outcome: Hashable, Sendable {
        /// Send these now.
        case send([DeliveryToken.Part])
        /// The dead letter cannot be written: nothing after it may be committed.
        case stop
    }

    /// How long to retry a reply that could not be delivered yet.
    package enum Patience: Hashable, Sendable {
        /// Retry without limit.
        case endless
        /// Nobody is waiting for it any more.
        case over
        /// Somebody may be waiting, but it has blocked others long enough.
        case exhausted
    }

    package private(set) var reply = Reply.whole
    package private(set) var deadLetter = DeadLetter.whole
    /// Why there is no classification; `nil` if there is one and it is, as far as known, deliverable.
    package private(set) var failure: Answer.Failure?
    /// Whether an error is replied too, besides its dead letter.
    private var repliesError = true
    /// The partition is chosen by key, since the requested one does not accept the reply.
    package private(set) var goesByKey = false

    /// The plan for a new request, or for one that failed.
    package init(failure: Answer.Failure? = nil) {
        self.failure = failure
    }

    /// For a request that another worker answers.
    static let nothing = {
        var plan = DeliveryPlan()
        plan.reply = .none
        return plan
    }()

    /// The topics of the request's reply hold no errors.
    package mutating func sendNoErrorReply() { repliesError = false }

    /// There is no classification.
    package mutating func fail(_ failure: Answer.Failure) {
        self.failure = failure
        if !repliesError { reply = .none }
    }

    /// Whether this part must be the only record in flight.
    func isAlone(_ part: DeliveryToken.Part) -> Bool {
        switch part {
        case .reply: reply == .alone
        case .deadLetter: deadLetter == .alone
        }
    }

    /// Whether the request gets a dead letter, as far as known.
    var hasDeadLetter: Bool { failure?.code.isDeadLettered ?? false }

    /// A delivery failed. Returns what to send instead.
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
            fail(
                isTooLarge
                    ? Answer.Failure(.replyTooLarge, "the classification is larger than the reply topic takes")
                    : Answer.Failure(.replyNotDelivered, "the reply cannot be delivered: \(code.description)"))
            return .send(repliesError ? [.reply, .deadLetter] : [.deadLetter])
        case .small, .none:
            reply = .none
            return .send([])
        }
    }
}

extension KafkaErrorCode {
    /// Whether the error is unrelated to the record: it was too early, or the record was purged. Sending the same again
    /// can work.
    var isTransient: Bool {
        switch self {
        case .messageTimedOut, .timedOut, .transport, .purgedInQueue, .purgedInFlight, .requestTimedOut, .notLeader,
            .notEnoughReplicas:
            true
        default: false
        }
    }
}

/// The opaque value in a delivery report: the batch, the record in it, and the part sent.
package struct DeliveryToken: Hashable {
    /// What was sent for a request.
    package enum Part: UInt8, CaseIterable, Sendable {
        case reply = 0
        case deadLetter
    }

    /// The slot of the batch in the window.
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

    /// Decodes ``bits``.
    package init(bits: UInt) {
        slot = Int(bits >> 32)
        record = Int(bits >> 1 & 0x7fff_ffff)
        part = bits & 1 == 0 ? .reply : .deadLetter
    }

    package var bits: UInt { UInt(slot) << 32 | UInt(record) << 1 | UInt(part.rawValue) }
}
