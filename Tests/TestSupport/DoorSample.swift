import Foundation

/// A request that can come by Kafka and by HTTP, and what comes of it at either: one entry of `schemas/samples/doors.json`.
public struct DoorSample: Decodable, Sendable {
    /// A sentence to be classified, or an error's code; either with the caller's id, if there is one.
    public struct Result: Decodable, Equatable, Sendable {
        /// The sentence.
        public var text: String?
        /// The error's code.
        public var code: String?
        /// The caller's id.
        public var id: String?

        /// An outcome, to be compared with a sample's.
        public init(text: String? = nil, code: String? = nil, id: String? = nil) {
            self.text = text
            self.code = code
            self.id = id
        }

        /// Equal byte by byte: strings are equal also when they only look the same.
        public static func == (left: Result, right: Result) -> Bool {
            [left.text, left.code, left.id].map { $0.map { Array($0.utf8) } }
                == [right.text, right.code, right.id].map { $0.map { Array($0.utf8) } }
        }
    }

    /// What it shows.
    public let about: String
    /// Headers as a record has them.
    public let headers: [String: String]
    /// What comes of it.
    public let result: Result
    private let value: String

    /// The record's value, or the call's body.
    public var bytes: [UInt8] {
        guard value.hasPrefix("base64:") else { return Array(value.utf8) }
        return Array(Data(base64Encoded: String(value.dropFirst(7))) ?? Data())
    }

    /// Whether it is a CloudEvent.
    public var isEvent: Bool {
        headers["ce_specversion"] != nil
            || headers["content-type"]?.lowercased().hasPrefix("application/cloudevents+json") == true
    }

    /// The same headers as HTTP has them.
    public var fields: [(name: String, value: String)] {
        headers.sorted { $0.key < $1.key }.map { name, value in
            guard name.hasPrefix("ce_") else { return (name, value) }
            var plain = CharacterSet(charactersIn: "!"..."~")
            plain.remove(charactersIn: "\"%")
            return ("ce-" + name.dropFirst(3), value.addingPercentEncoding(withAllowedCharacters: plain) ?? value)
        }
    }

    /// All of them.
    public static let all: [DoorSample] = {
        let file = ProjectFolder.url.appending(path: "schemas/samples/doors.json")
        do {
            return try JSONDecoder().decode([DoorSample].self, from: Data(contentsOf: file))
        } catch {
            // Tests take their arguments from here, where nothing can be thrown.
            fatalError("\(file.path): \(error)")
        }
    }()
}

extension DoorSample: CustomStringConvertible {
    /// What names it in a test's report.
    public var description: String {
        "\(about): \(value.prefix(80)) \(headers["content-type"] ?? "")"
    }
}
