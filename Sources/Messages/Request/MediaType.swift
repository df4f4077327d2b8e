/// The kind of a value by its media type: the one mapping for Kafka records, HTTP request bodies and CloudEvents data.
package enum MediaType: Equatable, Sendable {
    /// `application/json`, any other type with the subtype `json`, and any `+json` suffix except CloudEvents.
    case json
    /// JSON with the parameter `profile=triage`: always `{"text": …, "id": …}`, wherever a worker looks for the sentence
    /// in other JSON. What Triage's own programs write.
    case ownJSON
    /// `text/plain`.
    case plainText
    /// `application/cloudevents+json`: one event with its attributes and data.
    case structuredEvent
    /// Avro in binary: `avro/binary`, `application/avro`, `application/vnd.confluent.avro`, and any `+avro` suffix.
    case avro
    /// Any other type.
    case other
    /// A type that is never accepted; the message says why.
    case refused(String)

    /// Parses a media type with its parameters. Nil or only white space means the default. Case is ignored; the only
    /// relevant parameter is `charset`, which must be UTF-8 or its subset US-ASCII.
    package init(_ header: UnsafeRawBufferPointer?, unlessGiven defaultType: MediaType = .json) {
        guard let header else {
            self = defaultType
            return
        }
        guard !header.equals("application/json") else {
            self = .json
            return
        }
        let parts = MediaTypeParts(header)
        if !parts.isUTF8 {
            self = .refused("the charset is neither UTF-8 nor US-ASCII")
        } else if parts.essence.isEmpty {
            self = defaultType
        } else if parts.essence.equalsIgnoringCase("application/json") {
            self = parts.isOwn ? .ownJSON : .json
        } else if parts.essence.equalsIgnoringCase("text/plain") {
            self = .plainText
        } else if parts.essence.equalsIgnoringCase("application/cloudevents+json") {
            self = .structuredEvent
        } else if parts.essence.equalsIgnoringCase("application/cloudevents-batch+json") {
            self = .refused("application/cloudevents-batch+json is not taken; send each event by itself")
        } else if parts.essence.equalsIgnoringCase("avro/binary") || parts.hasSubtype("avro", suffix: "+avro")
            || parts.essence.equalsIgnoringCase("application/vnd.confluent.avro")
        {
            self = .avro
        } else {
            // RFC 6839
            self = parts.hasSubtype("json", suffix: "+json") ? .json : .other
        }
    }
}

/// A media type split into `type/subtype` and charset.
private struct MediaTypeParts {
    let essence: UnsafeRawBufferPointer
    private(set) var isUTF8 = true
    private(set) var isOwn = false

    init(_ header: UnsafeRawBufferPointer) {
        var end = Self.endOfPart(header, from: 0)
        essence = header.slice(0..<end).trimmed
        while end < header.count {
            let start = end + 1
            end = Self.endOfPart(header, from: start)
            let parameter = header.slice(start..<end)
            guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = parameter.slice(equals + 1..<parameter.count).trimmed
            let name = parameter.slice(0..<equals).trimmed
            if name.equalsIgnoringCase("charset") {
                isUTF8 = Self.isUTF8(value)
            } else if name.equalsIgnoringCase("profile") {
                isOwn = value.equals("triage")
            }
        }
    }

    /// Whether this is a media type with this subtype, or one that ends so.
    func hasSubtype(_ name: StaticString, suffix: StaticString) -> Bool {
        guard let slash = essence.firstIndex(of: UInt8(ascii: "/")) else { return false }
        let type = essence.slice(0..<slash)
        let subtype = essence.slice(slash + 1..<essence.count)
        guard !type.isEmpty, type.allSatisfy(\.isToken), subtype.allSatisfy(\.isToken) else { return false }
        if subtype.equalsIgnoringCase(name) { return true }
        let length = suffix.utf8CodeUnitCount
        return subtype.count > length
            && subtype.slice(subtype.count - length..<subtype.count).equalsIgnoringCase(suffix)
    }

    /// The end of the part that begins at `start`: the next semicolon outside quotes, or the end of the header.
    private static func endOfPart(_ header: UnsafeRawBufferPointer, from start: Int) -> Int {
        var isQuoted = false
        var index = start
        while index < header.count {
            switch header[index] {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: ";") where !isQuoted: return index
            default: break
            }
            index += 1
        }
        return header.count
    }

    private static func isUTF8(_ charset: UnsafeRawBufferPointer) -> Bool {
        var charset = charset
        if charset.count >= 2, charset.first == UInt8(ascii: "\""), charset.last == UInt8(ascii: "\"") {
            charset = charset.slice(1..<charset.count - 1)
        }
        return charset.equalsIgnoringCase("utf-8") || charset.equalsIgnoringCase("utf8")
            || charset.equalsIgnoringCase("us-ascii")
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes without leading and trailing spaces and tabs.
    fileprivate var trimmed: UnsafeRawBufferPointer {
        var part = self[...]
        while let first = part.first, first == 0x20 || first == 0x09 { part.removeFirst() }
        while let last = part.last, last == 0x20 || last == 0x09 { part.removeLast() }
        return UnsafeRawBufferPointer(rebasing: part)
    }
}

extension UInt8 {
    /// Whether the byte may occur in an HTTP token, such as either half of a media type.
    fileprivate var isToken: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default:
            ("!#$%&'*+-.^_`|~" as StaticString).bytes.contains(self)
        }
    }
}
