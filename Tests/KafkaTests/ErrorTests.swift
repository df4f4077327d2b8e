import Kafka
import Testing

@Suite("Kafka errors and library")
struct ErrorTests {
    @Test("an error says what was done, what happened, and its name")
    func description() {
        let error = KafkaError(.queueFull, operation: "send", isRetriable: true)
        #expect(error.description == "send: Local: Queue full (_QUEUE_FULL)")
        #expect(error.isRetriable && !error.isFatal && !error.isTransactionAbortable)
    }

    @Test("the loaded library is accepted")
    func loadedVersion() throws {
        try KafkaLibrary.requireSupportedVersion()
        #expect(KafkaLibrary.version.split(separator: ".").count >= 3)
    }

    @Test(
        "2.2.0 is the oldest accepted",
        arguments: [(0x02_02_00_ff, true), (0x02_01_01_ff, false), (0x02_00_02_ff, false)])
    func oldVersion(number: Int, isAccepted: Bool) {
        let result = Result { () throws(KafkaError) in try KafkaLibrary.require(version: number, named: "2.x") }
        switch result {
        case .success: #expect(isAccepted)
        case .failure(let error):
            #expect(!isAccepted)
            #expect(error.message == "librdkafka 2.x is too old: 2.2.0 or newer is needed")
        }
    }

    @Test(
        "the consumer group protocol takes 2.12.0",
        arguments: [(0x02_0c_00_ff, true), (0x02_0b_01_ff, false), (0x02_02_00_ff, false)])
    func consumerProtocol(number: Int, isAccepted: Bool) {
        let result = Result { () throws(KafkaError) in
            try KafkaLibrary.requireConsumerProtocol(version: number, named: "2.x")
        }
        switch result {
        case .success: #expect(isAccepted)
        case .failure(let error):
            #expect(!isAccepted)
            #expect(error.message == "librdkafka 2.x is too old: 2.12.0 or newer is needed")
        }
    }

    @Test(
        "commits that fail so are normal in a rebalance",
        arguments: [
            KafkaErrorCode.illegalGeneration, .unknownMember, .rebalanceInProgress, .assignmentLost, .staleMemberEpoch,
            .fencedMemberEpoch,
        ])
    func rebalanceCodes(code: KafkaErrorCode) {
        #expect(code.isNormalInRebalance)
        #expect(!KafkaErrorCode.fencedInstance.isNormalInRebalance)
    }
}
