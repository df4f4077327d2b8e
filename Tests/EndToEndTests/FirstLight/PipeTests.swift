import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Pipe") struct PipeTests {
        @Test("pipe answers every line in order, as classify does without a queue")
        func pipeAnswersEveryLineInOrderAsClassifyDoes() throws {
            let count = Scale.pick(short: 3_000, soak: 100_000)
            let lines = (0..<count).map(SampleSentences.sentence)
            let sentences = SampleModel.folder.appending(path: "sentences.txt")
            try (lines.joined(separator: "\n") + "\n").write(to: sentences, atomically: true, encoding: .utf8)

            // Not on Tansu: while several producers write to a partition, a reader of it may be given a later batch before an
            // earlier one, and so never the earlier one (seen with confluent-kafka's Python clients too).
            let stage = try Stage(kind: .noida)
            let workers = try (0..<2).map { _ in try stage.startWorker() }
            let start = ContinuousClock.now
            let pipe = try stage.startPipe(input: sentences)
            #expect(try pipe.wait(within: .seconds(120)) == 0, "\(pipe.errors)")
            report(
                "pipe", "\(count) lines through two workers in \((ContinuousClock.now - start).text), start included")
            let classify = try TriageProcess(["classify", "--model", try SampleModel.path()], input: sentences)
            #expect(try classify.wait() == 0, "\(classify.errors)")

            for line in pipe.output.split(separator: "\n") { SeenAnswers.shared.add(to: "ok", line) }
            let replies = try ClassifiedText.decodeLines(pipe.output)
            let expected = try ClassifiedText.decodeLines(classify.output)
            #expect(replies.count == count && expected.count == count)
            let differing = zip(replies, expected).filter {
                $0.probabilities != $1.probabilities || $0.label != $1.label || !$0.isDistribution
            }
            #expect(differing.count == 0, "\(differing.prefix(3))")
            // The distributions must tell sentences apart for their order to have been seen.
            #expect(Set(expected.map { $0.probabilities }).count > count / 4)
            #expect(workers.allSatisfy { $0.isRunning })
        }

        @Test("pipe answers a line that is not UTF-8 in its place, with its number, as classify does")
        func pipeAnswersALineThatIsNotUTF8() throws {
            let input = SampleModel.folder.appending(path: "latin-1.txt")
            let lines: [[UInt8]] = [
                Array("un train pour Brest".utf8), [0x68, 0xF4, 0x74, 0x65, 0x6C], [], [0xFF], Array("un hôtel".utf8),
            ]
            try Data(lines.joined(separator: [UInt8(ascii: "\n")])).write(to: input)

            let stage = try Stage(partitions: 1)
            let worker = try stage.startWorker()
            let pipe = try stage.startPipe(input: input)
            #expect(try pipe.wait(within: .seconds(60)) == 0, "\(pipe.errors)")
            let classify = try TriageProcess(["classify", "--model", try SampleModel.path()], input: input)
            #expect(try classify.wait() == 0, "\(classify.errors)")
            #expect(pipe.output == classify.output)
            let replies = try ClassifiedText.decodeLines(pipe.output)
            #expect(replies.map(\.id) == ["1", "2", "3", "4", "5"])
            #expect(replies.map { $0.error?.code } == [nil, "invalid_utf8", "empty_text", "invalid_utf8", nil])
            #expect(worker.isRunning)
        }

        @Test("pipe says that no worker answers") func pipeSaysThatNoWorkerAnswers() throws {
            let stage = try Stage(partitions: 1)
            let pipe = try stage.startPipe(arguments: ["--request-timeout", "2s"])
            try pipe.send("un train pour Brest\n")
            pipe.closeInput()
            #expect(try pipe.wait(within: .seconds(30)) == 69)
            expectOneClearLine(pipe.errors)
        }
    }
}
