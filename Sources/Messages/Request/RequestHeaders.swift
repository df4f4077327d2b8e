import Platform

/// The headers of one request that mean something to Triage, picked out of all that the record has.
///
/// Values are borrowed from the record: valid while it is. Names are compared without regard to the case of letters,
/// the last of several headers of one name counts, and a header without a value counts as absent. Reuse one value for
/// record after record.
package struct RequestHeaders {
    /// Media type of the value.
    package private(set) var contentType: UnsafeRawBufferPointer?
    /// What the reply takes over, and where it goes.
    package private(set) var echoed = EchoedHeaders()
    /// Name of the topic where the reply is to go.
    package private(set) var replyTopic: UnsafeRawBufferPointer?
    /// Unix milliseconds after which nobody waits: `triage-deadline`, else `ce_expirytime`. What cannot be read
    /// counts as absent.
    package var deadline: Int64? { triageDeadline ?? eventExpiry }
    /// CloudEvents version; if there is one, the record is a binary-mode CloudEvent.
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

    /// Forgets all headers.
    package mutating func reset() { self = RequestHeaders() }

    /// Takes in one header; those that mean nothing to Triage are passed over.
    package mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?) {
        guard let value, !name.isEmpty else { return }
        // The first letter and the length leave one or two names to compare with.
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
    /// Partition of the reply; nil also if the header has not four bytes or is negative, so that the reply goes by
    /// its key.
    package internal(set) var replyPartition: Int32?

    /// No headers.
    package init() {}
}
