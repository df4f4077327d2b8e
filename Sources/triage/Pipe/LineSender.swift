import Foundation
import Kafka
import Messages
import Synchronization

/// Reads and sends lines on its own thread.
struct LineSender: Sendable {
    let producer: Producer
    let topic: ProducerTopic
    let replyTo: ReplyAddress
    let feed: LineFeed
    let room: DispatchSemaphore

    func run() {
        var lines = LineReader(descriptor: STDIN_FILENO)
        let value = ByteArena()
        let id = ByteArena(capacity: 32)
        let encoder = RequestEncoder()
        var number = 0
        do {
            let send: (UnsafeRawBufferPointer) throws -> Void = { line in
                id.reset()
                value.reset()
                room.wait()
                if UTF8Validation.isValid(line) {
                    let idBytes = id.bytes(in: id.append(decimal: Int64(number + 1)))
                    let request = value.bytes(in: encoder.encode(text: line, id: idBytes, into: value))
                    try self.send(number, request)
                } else {
                    // Invalid UTF-8 would invalidate the whole JSON: no worker could read the id.
                    refuse(number, .invalidUTF8)
                }
                number += 1
            }
            while try lines.next(send) != nil {}
            feed.end(.success(number))
        } catch {
            feed.end(.failure(CommandFailure(error) ?? .internalError("\(error)")))
        }
    }

    private func send(_ number: Int, _ request: UnsafeRawBufferPointer) throws {
        var headers = RecordHeaders(capacity: 4)
        headers.append(name: HeaderName.contentType, value: HeaderValue.ownJSON.bytes)
        replyTo.withCorrelationID(of: number) { headers.append(name: HeaderName.correlationID, value: $0) }
        headers.append(name: HeaderName.replyTopic, value: replyTo.topic)
        withUnsafeBytes(of: replyTo.partition.bigEndian) { headers.append(name: HeaderName.replyPartition, value: $0) }
        do {
            try producer.send(
                to: topic, key: nil, value: request, headers: &headers, token: UInt(number), whenFull: { usleep(1_000) }
            )
            feed.didSend(number)
        } catch {
            guard error.code == .messageSizeTooLarge else { throw error }
            refuse(
                number, RequestFailure(.textTooLong, "the line is larger than the producer's message.max.bytes"))
        }
    }

    /// Answers a line with an error without sending it.
    private func refuse(_ number: Int, _ failure: RequestFailure) {
        let arena = ByteArena()
        let encoder = ReplyEncoder(model: "", labels: [])
        let id = Array(String(number + 1).utf8)
        let range = id.withUnsafeBytes {
            encoder.encodeError(id: $0, code: failure.code, message: failure.message, into: arena)
        }
        feed.refuse(number, reply: Array(arena.bytes(in: range)))
    }
}

/// State that the sending thread passes to the receiving one.
final class LineFeed: Sendable {
    private struct State {
        var refused: [(number: Int, reply: [UInt8])] = []
        var total: Result<Int, CommandFailure>?
    }

    private let state = Mutex(State())
    private let count = Atomic(0)

    /// The number of lines sent or refused so far.
    var sent: Int { count.load(ordering: .relaxed) }

    func didSend(_ number: Int) { count.store(number + 1, ordering: .relaxed) }

    /// Records a line that cannot be sent, with the error that replaces its reply.
    func refuse(_ number: Int, reply: [UInt8]) {
        state.withLock { $0.refused.append((number, reply)) }
        didSend(number)
    }

    func takeRefused() -> [(number: Int, reply: [UInt8])] {
        state.withLock { state in
            defer { state.refused.removeAll() }
            return state.refused
        }
    }

    /// Records the number of lines, or the error that ended the sending.
    func end(_ total: Result<Int, CommandFailure>) { state.withLock { $0.total = total } }

    /// The number of lines; nil while more may come.
    func total() throws -> Int? { try state.withLock { try $0.total?.get() } }
}
