import Platform

/// The headers of one request that Triage uses, selected from all headers of the record.
///
/// Values are borrowed from the record. Names are compared without regard to case, the last of several headers with one
/// name counts, and a header without a value counts as absent. Reuse one value for many records.
package struct RequestHeaders {
    /// Media type of the value.
    package private(set) var contentType: UnsafeRawBufferPointer?
    /// The headers that the reply needs.
    package private(set) var echoed = EchoedHeaders()
    /// Name of the topic for the reply.
    package private(set) var replyTopic: UnsafeRawBufferPointer?
    /// Unix milliseconds after which nobody waits for the reply: `triage-deadline`, else `ce_expirytime`. Unreadable
    /// values count as absent.
    package var deadline: Int64? { triageDeadline ?? eventExpiry }
    /// CloudEvents version; if present, the record is a binary-mode CloudEvent.
    package private(set) var eventSpecVersion: UnsafeRawBufferPointer?
    /// The CloudEvent's id, if it is UTF-8 and not empty.
    package private(set) var eventID: UnsafeRawBufferPointer?
    /// The CloudEvent's source.
    package private(set) var eventSource: UnsafeRawBufferPointer?
    /// The CloudEvent's type.
    package private(set) var eventType: UnsafeRawBufferPointer?

    private var triageDeadline: Int64?
    private var eventExpiry: Int64?

    /// No headers.
    package init() {}

    /// Removes all headers.
    package mutating func reset() { self = RequestHeaders() }

    /// Adds one header; those that Triage does not use are ignored.
    package mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?) {
        guard let value, !name.isEmpty else { return }
        // The first letter and the length leave few names to compare.
        switch (name[0] | 0x20, name.count) {
        case (UInt8(ascii: "c"), 12) where name.equalsIgnoringCase(HeaderName.contentType):
            contentType = value
        case (UInt8(ascii: "k"), 19) where name.equalsIgnoringCase(HeaderName.correlationID):
            echoed.correlationID = value
        case (UInt8(ascii: "k"), 16) where name.equalsIgnoringCase(HeaderName.replyTopic):
            replyTopic = value
        case (UInt8(ascii: "k"), 20) where name.equalsIgnoringCase(HeaderName.replyPartition):
            echoed.replyPartition = Self.partition(value)
        case (UInt8(ascii: "t"), _):
            addTriageOrTrace(name: name, value: value)
        case (UInt8(ascii: "c"), _):
            addEventAttribute(name: name, value: value)
        default:
            break
        }
    }

    private mutating func addTriageOrTrace(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        if name.equalsIgnoringCase(HeaderName.deadline) {
            triageDeadline = value.decimalInteger
        } else if name.equalsIgnoringCase(HeaderName.traceparent) {
            echoed.traceparent = value
        } else if name.equalsIgnoringCase(HeaderName.tracestate) {
            echoed.tracestate = value
        }
    }

    private mutating func addEventAttribute(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        if name.equalsIgnoringCase(HeaderName.eventID) {
            eventID = value.isEmpty || !UTF8Validation.isValid(value) ? nil : value
        } else if name.equalsIgnoringCase(HeaderName.eventSpecVersion) {
            eventSpecVersion = value
        } else if name.equalsIgnoringCase(HeaderName.eventSource) {
            eventSource = value
        } else if name.equalsIgnoringCase(HeaderName.eventType) {
            eventType = value
        } else if name.equalsIgnoringCase(HeaderName.eventExpiryTime) {
            eventExpiry = Timestamp.milliseconds(of: value)
        }
    }

    private static func partition(_ value: UnsafeRawBufferPointer) -> Int32? {
        guard value.count == 4 else { return nil }
        let partition = Int32(bigEndian: value.loadUnaligned(as: Int32.self))
        return partition < 0 ? nil : partition
    }
}

/// The headers of a request that its reply needs. Borrowed from the record.
package struct EchoedHeaders {
    /// Opaque bytes to echo.
    package internal(set) var correlationID: UnsafeRawBufferPointer?
    /// W3C trace context, to echo.
    package internal(set) var traceparent: UnsafeRawBufferPointer?
    /// W3C trace state, to echo.
    package internal(set) var tracestate: UnsafeRawBufferPointer?
    /// Partition of the reply; nil also if the header is not four bytes or negative. The reply's key then chooses the
    /// partition.
    package internal(set) var replyPartition: Int32?

    /// No headers.
    package init() {}
}
