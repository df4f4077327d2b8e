import Messages
import NIOCore

/// One sentence as a caller sent it.
struct AskedSentence: Sendable {
    let sentence: Sentence
    /// The caller's name for it.
    let id: String?
}

/// The sentences of a batch: those that can be sent, and for each text of the request what is wrong with it, if anything.
struct AskedTexts: Sendable {
    var sentences: [Sentence] = []
    var violations: [GatewayError?] = []
    var count: Int { violations.count }
}

/// Reads the bodies of requests.
enum RequestBodies {
    /// `{"text":"…","id":"…"}`
    static func sentence(_ body: ByteBuffer, rules: SentenceRules) throws(GatewayError) -> AskedSentence {
        try read(body) { reader throws(JSONError) in
            try sentence(&reader, rules: rules)
        }.get()
    }

    /// `{"texts":["…",…]}`
    static func texts(_ body: ByteBuffer, rules: SentenceRules, maximum: Int) throws(GatewayError) -> AskedTexts {
        var texts = AskedTexts()
        var problem: GatewayError? = GatewayError(.missingText, "the field texts is missing")
        try read(body) { reader throws(JSONError) in
            try reader.beginObject()
            while let key = try reader.nextKey() {
                guard key.equals("texts") else {
                    try reader.skip()
                    continue
                }
                guard try reader.peek() == .array else {
                    problem = GatewayError(.missingText, "texts must be an array of strings")
                    try reader.skip()
                    continue
                }
                texts = AskedTexts()
                problem = nil
                try reader.beginArray()
                while try reader.nextElement() {
                    guard try reader.peek() == .string else {
                        problem = GatewayError(.missingText, "texts must hold strings only")
                        try reader.skip()
                        continue
                    }
                    let text = try reader.string()
                    if texts.count == maximum {
                        problem = .batchSize(maximum)
                        continue
                    }
                    texts.append(text, rules)
                }
            }
        }
        if let problem { throw problem }
        if texts.count == 0 { throw .batchSize(maximum) }
        return texts
    }

    /// Reads one object with `text` and perhaps `id`. What is wrong with the sentence is its outcome; only what is not
    /// JSON throws.
    static func sentence(
        _ reader: inout JSONReader, rules: SentenceRules
    ) throws(JSONError) -> Result<AskedSentence, GatewayError> {
        guard try reader.peek() == .object else {
            try reader.skip()
            return .failure(GatewayError(.malformedJSON, "the body must be an object"))
        }
        var outcome = Result<Sentence, GatewayError>.failure(
            GatewayError(.missingText, "the object has no string in text"))
        var id: String?
        var problem: GatewayError?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals("text"), try reader.peek() == .string {
                let text = try reader.string()
                do throws(GatewayError) {
                    outcome = .success(try rules.sentence(copying: text))
                } catch {
                    outcome = .failure(error)
                }
            } else if key.equals("id") {
                switch try reader.peek() {
                case .string: id = try reader.string().text
                case .null: try reader.skip()
                default:
                    problem = GatewayError(.invalidParameter, "id must be a string")
                    try reader.skip()
                }
            } else {
                try reader.skip()
            }
        }
        if let problem { return .failure(problem) }
        return outcome.map { AskedSentence(sentence: $0, id: id) }
    }

    /// Lends a reader over the body and checks that it is one JSON value.
    @discardableResult
    static func read<Value>(
        _ body: ByteBuffer, _ parse: (inout JSONReader) throws(JSONError) -> Value
    ) throws(GatewayError) -> Value {
        let outcome: Result<Value, JSONError> = body.withUnsafeReadableBytes { bytes in
            do throws(JSONError) {
                var reader = try JSONReader(bytes, scratch: ScratchArena(chunkSize: 1_024), maximumDepth: 64)
                let value = try parse(&reader)
                try reader.finish()
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let value): return value
        case .failure(let error): throw GatewayError(error)
        }
    }
}

extension AskedTexts {
    fileprivate mutating func append(_ text: UnsafeRawBufferPointer, _ rules: SentenceRules) {
        do throws(GatewayError) {
            sentences.append(try rules.sentence(copying: text))
            violations.append(nil)
        } catch {
            violations.append(error)
        }
    }
}

extension GatewayError {
    /// What is wrong with a body that is not the JSON that it should be.
    init(_ error: JSONError) {
        self.init(error.reason == .invalidUTF8 ? .invalidUTF8 : .malformedJSON, "\(error)")
    }

    static func batchSize(_ maximum: Int) -> GatewayError {
        GatewayError(.batchSize, "a request may have 1 to \(maximum) sentences")
    }
}
