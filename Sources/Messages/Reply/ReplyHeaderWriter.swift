import Platform

/// Writes the headers of replies and dead letters, one at a time, to a sink that appends them to the record.
///
/// Names and values are valid only during the call to the sink. Not thread-safe.
package final class ReplyHeaderWriter {
    /// Receives one header.
    package typealias Sink = (_ name: StaticString, _ value: UnsafeRawBufferPointer) -> Void

    private let arena = ByteArena(capacity: 512)
    private let eventSource: [UInt8]
    private var identifiers = EventIDGenerator()

    /// Makes a writer.
    ///
    /// - Parameter eventSource: the `ce_source` of CloudEvent replies, a URI reference that names the worker.
    package init(eventSource: String) { self.eventSource = Array(eventSource.utf8) }

    /// Writes the headers of a reply.
    ///
    /// - Parameters:
    ///   - headers: the request headers to echo.
    ///   - id: the request's own id; nil if it has none.
    ///   - isCloudEvent: whether the request is a CloudEvent; the reply is then one too.
    ///   - source: the position of the request.
    ///   - status: why there is no classification; nil if there is one.
    ///   - isAvro: whether the value is Avro and not JSON.
    ///   - now: the `ce_time` of a CloudEvent, in Unix milliseconds.
    package func writeReply(
        echoing headers: borrowing EchoedHeaders, id: UnsafeRawBufferPointer?, isCloudEvent: Bool, source: RecordSource,
        status: ErrorCode?, isAvro: Bool = false, now: Int64, _ sink: Sink
    ) {
        sink(HeaderName.contentType, (isAvro ? HeaderValue.avro : HeaderValue.json).bytes)
        if let value = headers.correlationID { sink(HeaderName.correlationID, value) }
        if let value = headers.traceparent { sink(HeaderName.traceparent, value) }
        if let value = headers.tracestate { sink(HeaderName.tracestate, value) }
        sink(HeaderName.status, (status?.bytes ?? HeaderValue.statusOK).bytes)
        write(HeaderName.source, atMost: source.maximumLength, sink) { source.write(to: &$0) }
        if isCloudEvent {
            writeEvent(causedBy: id, source: source, isError: status != nil, now: now, sink)
        }
    }

    /// Writes the headers that a dead letter has in addition to those of the record itself.
    ///
    /// - Parameters:
    ///   - source: the position of the record.
    ///   - group: the consumer group that gives up on the record.
    ///   - message: the human-readable reason.
    ///   - code: the machine-readable reason.
    package func writeDeadLetter(source: RecordSource, group: String, code: ErrorCode, message: String, _ sink: Sink) {
        sink(HeaderName.deadLetterTopic, source.topic)
        write(HeaderName.deadLetterPartition, atMost: 20, sink) { $0.put(decimal: Int64(source.partition)) }
        write(HeaderName.deadLetterOffset, atMost: 20, sink) { $0.put(decimal: source.offset) }
        var group = group
        group.withUTF8 { sink(HeaderName.deadLetterGroup, UnsafeRawBufferPointer($0)) }
        var message = message
        message.withUTF8 { sink(HeaderName.deadLetterMessage, UnsafeRawBufferPointer($0)) }
        sink(HeaderName.deadLetterCode, code.bytes.bytes)
    }

    /// Writes the attributes of a binary-mode CloudEvent.
    private func writeEvent(
        causedBy id: UnsafeRawBufferPointer?, source: RecordSource, isError: Bool, now: Int64, _ sink: Sink
    ) {
        sink(HeaderName.eventSpecVersion, HeaderValue.eventSpecVersion.bytes)
        write(HeaderName.eventID, atMost: 36, sink) { identifiers.write(to: &$0) }
        eventSource.withUnsafeBytes { sink(HeaderName.eventSource, $0) }
        sink(HeaderName.eventType, (isError ? HeaderValue.errorType : HeaderValue.classificationType).bytes)
        write(HeaderName.eventTime, atMost: Timestamp.length, sink) { $0.put(timestamp: now) }
        if let id {
            sink(HeaderName.eventCausationID, id)
        } else {
            write(HeaderName.eventCausationID, atMost: source.maximumLength, sink) { source.write(to: &$0) }
        }
    }

    private func write(
        _ name: StaticString, atMost maximum: Int, _ sink: Sink, _ body: (inout ByteCursor) -> Void
    ) {
        arena.reset()
        let range = arena.write(atMost: maximum, body)
        sink(name, arena.bytes(in: range))
    }
}

/// Random UUIDs (version 4), 36 characters each.
///
/// Two SplitMix64 generators with random seeds. The ids must be unique, not unguessable, and asking the system for each
/// would cost more than the rest of the reply.
private struct EventIDGenerator {
    private var upper = UInt64.random(in: .min ... .max)
    private var lower = UInt64.random(in: .min ... .max)

    mutating func write(to cursor: inout ByteCursor) {
        let high = Self.next(&upper) & ~0xF000 | 0x4000
        let low = Self.next(&lower) & ~(0b11 << 62) | 0b10 << 62
        for place in 0..<32 {
            if place == 8 || place == 12 || place == 16 || place == 20 { cursor.put(UInt8(ascii: "-")) }
            let word = place < 16 ? high : low
            cursor.put(JSONEscaping.hexDigit(UInt8(truncatingIfNeeded: word >> (60 - 4 * UInt64(place & 15))) & 15))
        }
    }

    private static func next(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
