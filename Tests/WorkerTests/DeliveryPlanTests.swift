import Kafka
import Messages
import Testing
import Worker

@Suite("What is sent in the place of what cannot be delivered")
struct DeliveryPlanTests {
    @Test("a reply that is too large: alone, then a small error reply and a dead letter, then the dead letter alone")
    func tooLarge() {
        var plan = DeliveryPlan(failure: nil)
        expect(plan.undelivered(.reply, .messageSizeTooLarge), .send([.reply]))
        #expect(plan.reply == .alone && plan.failure == nil)
        expect(plan.undelivered(.reply, .messageSizeTooLarge), .send([.reply, .deadLetter]))
        #expect(plan.reply == .small && plan.failure?.code == .replyTooLarge && !plan.goesByKey)
        expect(plan.undelivered(.reply, .messageSizeTooLarge), .send([]))
        #expect(plan.reply == .none)
    }

    @Test("a partition that does not exist: an error reply by the key, and a dead letter")
    func unknownPartition() {
        var plan = DeliveryPlan(failure: nil)
        expect(plan.undelivered(.reply, .unknownPartition), .send([.reply, .deadLetter]))
        #expect(plan.reply == .small && plan.goesByKey && plan.failure?.code == .replyNotDelivered)
    }

    @Test("where topics of replies hold no errors, what cannot be delivered is a dead letter alone")
    func noErrorReply() {
        var plan = DeliveryPlan(failure: nil)
        plan.sendNoErrorReply()
        expect(plan.undelivered(.reply, .messageSizeTooLarge), .send([.reply]))
        expect(plan.undelivered(.reply, .messageSizeTooLarge), .send([.deadLetter]))
        #expect(plan.reply == .none && plan.failure?.code == .replyTooLarge)
        var failed = DeliveryPlan(failure: nil)
        failed.sendNoErrorReply()
        failed.fail(Answer.Failure(.emptyText, "empty"))
        #expect(failed.reply == .none && failed.failure?.code == .emptyText)
    }

    @Test("an error reply that cannot be delivered keeps its code and adds no second dead letter")
    func errorReply() {
        var plan = DeliveryPlan(failure: Answer.Failure(.emptyText, "empty"))
        expect(plan.undelivered(.reply, .unknownPartition), .send([.reply]))
        #expect(plan.failure?.code == .emptyText && plan.goesByKey)
    }

    @Test("a dead letter shrinks before the worker gives up, and any other refusal stops it")
    func deadLetter() {
        var plan = DeliveryPlan(failure: Answer.Failure(.emptyText, "empty"))
        expect(plan.undelivered(.deadLetter, .messageSizeTooLarge), .send([.deadLetter]))
        #expect(plan.deadLetter == .alone)
        expect(plan.undelivered(.deadLetter, .messageSizeTooLarge), .send([.deadLetter]))
        #expect(plan.deadLetter == .bare)
        expect(plan.undelivered(.deadLetter, .messageSizeTooLarge), .stop)
        var other = DeliveryPlan(failure: nil)
        expect(other.undelivered(.deadLetter, .topicAuthorizationFailed), .stop)
        expect(other.undelivered(.deadLetter, .unknownTopic), .stop)
    }

    @Test("what says nothing about the record changes nothing", arguments: DeliveryToken.Part.allCases)
    func transient(part: DeliveryToken.Part) {
        var plan = DeliveryPlan(failure: nil)
        expect(plan.undelivered(part, .messageTimedOut), .send([part]))
        #expect(plan == DeliveryPlan(failure: nil))
    }

    @Test("a reply that nobody waits for is given up, a dead letter never")
    func nobodyWaits() {
        var plan = DeliveryPlan(failure: nil)
        expect(plan.undelivered(.reply, .messageTimedOut, patience: .over), .send([]))
        #expect(plan.reply == .none && plan.failure == nil)
        expect(plan.undelivered(.deadLetter, .messageTimedOut, patience: .over), .send([.deadLetter]))
    }

    @Test("a reply that was tried for long enough is answered by the key and kept as a dead letter, then given up")
    func patienceExhausted() {
        var plan = DeliveryPlan(failure: nil)
        expect(plan.undelivered(.reply, .messageTimedOut, patience: .exhausted), .send([.reply, .deadLetter]))
        #expect(plan.reply == .small && plan.goesByKey && plan.failure?.code == .replyNotDelivered)
        expect(plan.undelivered(.deadLetter, .messageTimedOut, patience: .exhausted), .send([.deadLetter]))
        expect(plan.undelivered(.reply, .messageTimedOut, patience: .exhausted), .send([]))
    }

    @Test("a token comes back as it went")
    func tokens() {
        for slot in [0, 1, 4_095] {
            for record in [0, 1, 65_535] {
                for part in DeliveryToken.Part.allCases {
                    let token = DeliveryToken(slot: slot, record: record, part: part)
                    #expect(DeliveryToken(bits: token.bits) == token)
                }
            }
        }
    }
}
