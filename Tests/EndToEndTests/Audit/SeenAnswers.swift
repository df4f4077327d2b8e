import Foundation
import Kafka
import Synchronization
import TestSupport
import Testing

/// What the test that runs was answered, over Kafka and over HTTP, byte for byte. ``AnswersAreValid`` looks at it when the test
/// has ended, so that looking slows nothing that the test measures.
final class SeenAnswers: Sendable {
    /// One for all: the end-to-end tests run one at a time.
    static let shared = SeenAnswers()

    /// Lines as `schemas/check-replies.py` reads them, in pieces, so that none is ever copied to a larger place.
    private let pieces = Mutex<[[UInt8]]>([])
    private static let pieceSize = 1 << 20

    /// Takes in a record of a topic of replies.
    func add(_ record: ConsumedRecord) {
        // A header's bytes live as long as the record.
        var status: UnsafeRawBufferPointer?
        record.forEachHeader { name, value in
            if name.elementsEqual("triage-status".utf8) { status = status ?? value }
        }
        add(to: status ?? UnsafeRawBufferPointer(start: nil, count: 0), record.value)
    }

    /// Takes in an answer.
    ///
    /// - Parameter what: what it answers, as `schemas/check-replies.py` has it: `ok`, an error's code, or a call.
    func add(to what: String, _ answer: some StringProtocol) {
        Array(what.utf8).withUnsafeBytes { what in
            Array(answer.utf8).withUnsafeBytes { add(to: what, $0) }
        }
    }

    private func add(to what: UnsafeRawBufferPointer, _ answer: UnsafeRawBufferPointer?) {
        pieces.withLock { pieces in
            let size = what.count + (answer?.count ?? 0) + 2
            if pieces.last.map({ $0.count + size > Self.pieceSize }) ?? true {
                pieces.append([])
                pieces[pieces.count - 1].reserveCapacity(max(Self.pieceSize, size))
            }
            let last = pieces.count - 1
            pieces[last] += what
            pieces[last].append(UInt8(ascii: "\t"))
            // A line's end within an answer is seen as an answer that is not whole.
            if let answer { pieces[last] += answer }
            pieces[last].append(UInt8(ascii: "\n"))
        }
    }

    /// Gives what was taken in, and forgets it.
    func takeAll() -> [[UInt8]] {
        pieces.withLock { pieces in
            defer { pieces = [] }
            return pieces
        }
    }
}

/// Holds every answer that a test has seen against `schemas/`, with a validator that shares no code with Triage.
struct AnswersAreValid: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await function())
        } catch {
            outcome = .failure(error)
        }
        if let problems = try Self.problems(of: SeenAnswers.shared.takeAll()) { Issue.record("\(problems)") }
        try outcome.get()
    }

    /// What is wrong with answers; nil if nothing is.
    static func problems(of pieces: [[UInt8]]) throws -> String? {
        guard !pieces.isEmpty else { return nil }
        let python = ProjectFolder.url.path + "/.deps/tools/contract/bin/python"
        guard FileManager.default.isExecutableFile(atPath: python) else {
            return "answers could not be checked: run compose/local/setup contract first"
        }
        let outcome = try Command.run(python, [ProjectFolder.url.path + "/schemas/check-replies.py"], input: pieces)
        return outcome.status == 0 ? nil : outcome.output + outcome.errors
    }
}

extension Trait where Self == AnswersAreValid {
    /// See ``AnswersAreValid``.
    static var answersAreValid: Self { Self() }
}
