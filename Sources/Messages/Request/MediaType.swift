/// What the value of a request is, by its `content-type`.
enum MediaType: Equatable {
    case json
    case plainText
    case structuredEvent
    /// Something else; the message names what is supported.
    case unsupported(String)

    /// Reads a media type with its parameters. Nil, or nothing but white space, is JSON. Upper and lower case are the
    /// same; the only parameter that matters is `charset`, which has to be UTF-8 or its subset US-ASCII.
    init(_ header: UnsafeRawBufferPointer?) {
        guard let header, case let parts = MediaTypeParts(header), !parts.isEmpty else {
            self = .json
            return
        }
        guard parts.isUTF8 else {
            self = .unsupported("the charset is not UTF-8")
            return
        }
        if parts.essence.equalsIgnoringCase("application/json") {
            self = .json
        } else if parts.essence.equalsIgnoringCase("text/plain") {
            self = .plainText
        } else if parts.essence.equalsIgnoringCase("application/cloudevents+json") {
            self = .structuredEvent
        } else {
            self = .unsupported(
                "the content type is none of application/json, text/plain and application/cloudevents+json")
        }
    }
}

/// A media type cut into `type/subtype` and its charset.
private struct MediaTypeParts {
    var essence: UnsafeRawBufferPointer
    var isUTF8 = true
    var isEmpty: Bool { essence.isEmpty }

    init(_ header: UnsafeRawBufferPointer) {
        var rest = header[...]
        essence = Self.trimmed(rest.prefix { $0 != UInt8(ascii: ";") })
        while let semicolon = rest.firstIndex(of: UInt8(ascii: ";")) {
            rest = rest[(semicolon + 1)...]
            let parameter = rest.prefix { $0 != UInt8(ascii: ";") }
            guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Self.trimmed(parameter[..<equals])
            if name.equalsIgnoringCase("charset") { isUTF8 = Self.isUTF8(Self.trimmed(parameter[(equals + 1)...])) }
        }
    }

    private static func isUTF8(_ charset: UnsafeRawBufferPointer) -> Bool {
        var charset = charset
        if charset.count >= 2, charset.first == UInt8(ascii: "\""), charset.last == UInt8(ascii: "\"") {
            charset = charset.slice(1..<charset.count - 1)
        }
        return charset.equalsIgnoringCase("utf-8") || charset.equalsIgnoringCase("utf8")
            || charset.equalsIgnoringCase("us-ascii")
    }

    private static func trimmed(_ part: Slice<UnsafeRawBufferPointer>) -> UnsafeRawBufferPointer {
        var part = part
        while let first = part.first, first == 0x20 || first == 0x09 { part.removeFirst() }
        while let last = part.last, last == 0x20 || last == 0x09 { part.removeLast() }
        return UnsafeRawBufferPointer(rebasing: part)
    }
}
