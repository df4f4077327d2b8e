import Foundation
import Kafka
import TestSupport
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
        "2.13.2 is the oldest accepted",
        arguments: [(0x02_0D_02_ff, true), (0x02_10_00_ff, true), (0x02_0D_01_ff, false), (0x02_02_00_ff, false)])
    func oldVersion(number: Int, isAccepted: Bool) {
        let result = Result { () throws(KafkaError) in try KafkaLibrary.require(version: number, named: "2.x") }
        switch result {
        case .success: #expect(isAccepted)
        case .failure(let error):
            #expect(!isAccepted)
            #expect(error.message.hasPrefix("librdkafka 2.x is too old: 2.13.2 or newer is needed; "))
        }
    }

    @Test("set-up sees to the version that the program asks for")
    func setUpVersion() throws {
        let setup = try String(contentsOf: ProjectFolder.url.appending(path: "compose/local/setup"), encoding: .utf8)
        #expect(setup.contains("\nleast_librdkafka=\(KafkaLibrary.minimumVersion)\n"))
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
