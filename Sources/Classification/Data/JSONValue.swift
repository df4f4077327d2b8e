internal import Messages

/// A JSON value in a file of sentences.
indirect enum JSONValue {
    case null
    case boolean(Bool)
    /// The number's text.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Reads the next value.
    init(_ reader: inout JSONReader) throws(JSONError) {
        switch try reader.peek() {
        case .null:
            _ = try reader.skip()
            self = .null
        case .boolean:
            self = .boolean(try reader.boolean())
        case .number:
            self = .number(String(decoding: try reader.number(), as: UTF8.self))
        case .string:
            self = .string(String(decoding: try reader.string(), as: UTF8.self))
        case .array:
            var elements: [JSONValue] = []
            try reader.beginArray()
            while try reader.nextElement() { elements.append(try JSONValue(&reader)) }
            self = .array(elements)
        case .object:
            self = .object(try JSONObject(&reader))
        }
    }

    /// The value at a JSON Pointer, relative to this one.
    func value(at pointer: String) -> JSONValue? {
        var value = self
        for step in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let name = String(step).replacing("~1", with: "/").replacing("~0", with: "~")
            switch value {
            case .object(let object):
                guard let next = object[name] else { return nil }
                value = next
            case .array(let elements):
                guard let place = Int(name), elements.indices.contains(place) else { return nil }
                value = elements[place]
            default: return nil
            }
        }
        return value
    }

    /// The kind of value, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "true or false"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
    var string: String? { if case .string(let text) = self { text } else { nil } }
}

/// An object's fields in order, and its byte offset in the file.
struct JSONObject {
    struct Field {
        let name: String
        let value: JSONValue
    }

    private(set) var fields: [Field] = []
    let offset: Int

    init(_ reader: inout JSONReader) throws(JSONError) {
        _ = try reader.peek()
        offset = reader.position
        try reader.beginObject()
        while let key = try reader.nextKey() {
            let name = String(decoding: key, as: UTF8.self)
            fields.append(Field(name: name, value: try JSONValue(&reader)))
        }
    }

    /// The last of several fields with one name, as is usual.
    subscript(name: String) -> JSONValue? { fields.last { $0.name == name }?.value }
}
