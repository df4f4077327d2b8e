import Foundation
import Messages
import TestSupport
import Testing

/// What comes in by Kafka means what the samples say. The gateway's tests and the end-to-end tests hold HTTP to the same file.
@Suite("The samples for both doors, as records")
struct DoorTests {
    @Test("records", arguments: DoorSample.all)
    func records(sample: DoorSample) {
        let outcome = decode(sample.bytes, headers: sample.headers.map { ($0.key, Array($0.value.utf8)) })
        var result = DoorSample.Result(text: outcome.text, code: outcome.code?.rawValue, id: outcome.id)
        // The worker looks at the clock when the sentence's turn has come.
        if outcome.text != nil, let deadline = outcome.deadline,
            Double(deadline) < Date.now.timeIntervalSince1970 * 1_000
        {
            result.text = nil
            result.code = ErrorCode.deadlineExceeded.rawValue
        }
        #expect(result == sample.result)
        #expect(outcome.isCloudEvent == sample.isEvent)
    }
}
