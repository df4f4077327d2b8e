import HTTPServer
import Messages
import NIOCore
import Platform

/// One sentence from a request, or what is wrong with it.
struct AskedSentence: Sendable {
    private(set) var outcome: Result<Sentence, GatewayError>
    /// The caller's id for it, which may be present even if the sentence is invalid.
    let id: String?
    /// The most classes in the result; nil for all.
    var top: Int?
}

/// The texts of a batch: the valid sentences, and for each text its violation, if any.
struct AskedTexts: Sendable {
    var sentences: [Sentence] = []
    var violations: [GatewayError?] = []
    /// The most classes in each result; nil for all.
    var top: Int?
    var count: Int { violations.count }
}

/// Reads request bodies by the same rules as Kafka records. `RequestDecoder` handles everything that could be a
/// record's value; `RequestFields` and `SentenceRules` handle what only a route accepts.
enum RequestBodies {
    /// One sentence: `{"text":"…","id":"…","top":…}`, or a CloudEvent if the head says so.
    static func sentence(_ request: Request, rules: SentenceRules) -> AskedSentence {
        request.withRecordHeaders { headers in
            decode(request.body, headers, rules, readsTop: true) { AskedSentence($0, top: $1.top) }
        }
    }

    /// One line of a stream: `{"text":"…","id":"…","top":…}`, or a plain sentence.
    static func line(_ line: ByteBuffer, isPlainText: Bool, rules: SentenceRules) -> AskedSentence {
        var headers = RequestHeaders()
        if isPlainText {
            headers.add(name: HeaderName.contentType.bytes, value: StaticString("text/plain").bytes)
        }
        return decode(line, headers, rules, readsTop: true) { AskedSentence($0, top: $1.top) }
    }

    /// `{"texts":["…",…],"top":…}`
    static func texts(_ body: ByteBuffer, rules: SentenceRules, maximum: Int) throws(GatewayError) -> AskedTexts {
        var texts = AskedTexts()
        var top = RequestFields.Top.absent
        var problem: GatewayError? = GatewayError(.missingText, "the object has no field \"texts\"")
        try read(body) { reader throws(JSONError) in
            try reader.beginObject()
            while let key = try reader.nextKey() {
                guard key.equals("texts") else {
                    if key.equals("top") { top = try reader.top() } else { try reader.skip() }
                    continue
                }
                guard try reader.peek() == .array else {
                    problem = GatewayError(.missingText, "\"texts\" must be an array of strings")
                    try reader.skip()
                    continue
                }
                texts = AskedTexts()
                problem = nil
                try reader.beginArray()
                while try reader.nextElement() {
                    guard try reader.peek() == .string else {
                        problem = GatewayError(.missingText, "\"texts\" must hold strings only")
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
        texts.top = try top.number
        return texts
    }

    /// Decodes a body as a worker decodes a record's value, and calls `use` with the result.
    static func decode<Value>(
        _ body: ByteBuffer, _ headers: RequestHeaders, _ rules: SentenceRules, readsKey: Bool = false,
        readsTop: Bool = false,
        _ use: (DecodedRequest, RequestFields) -> Value
    ) -> Value {
        // The size of the body was already checked when it was read.
        let decoder = RequestDecoder(maximumTextBytes: rules.maximumBytes, maximumValueBytes: .max)
        var fields = RequestFields(readsKey: readsKey, readsTop: readsTop)
        return withExtendedLifetime(decoder) {
            body.withUnsafeReadableBytes { bytes in
                let request = decoder.decode(value: bytes, headers: headers, fields: &fields)
                return use(request, fields)
            }
        }
    }

    /// Calls `parse` with a reader and checks that the body is exactly one JSON value.
    @discardableResult
    static func read<Value>(
        _ body: ByteBuffer, _ parse: (inout JSONReader) throws(JSONError) -> Value
    ) throws(GatewayError) -> Value {
        let outcome: Result<Value, JSONError> = body.withUnsafeReadableBytes { bytes in
            do throws(JSONError) {
                var reader = try JSONReader(bytes, scratch: ScratchArena(chunkSize: 1_024))
                let value = try parse(&reader)
                try reader.finish()
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let value): return value
        case .failure(let error): throw GatewayError(RequestFailure(error))
        }
    }
}

extension RequestFields.Top {
    /// The number; nil for all classes.
    fileprivate var number: Int? {
        get throws(GatewayError) {
            switch self {
            case .absent: nil
            case .value(let number): number
            case .invalid: throw GatewayError(.invalidParameter, "\"top\" must be a whole number, 1 or more")
            }
        }
    }
}

extension AskedSentence {
    /// Copies the decoded request.
    init(_ request: DecodedRequest, top: RequestFields.Top = .absent) {
        id = request.id?.text
        do throws(GatewayError) {
            outcome = .success(try Self.sentence(of: request))
            self.top = try top.number
        } catch {
            outcome = .failure(error)
        }
    }

    private static func sentence(of request: DecodedRequest) throws(GatewayError) -> Sentence {
        switch request.content {
        case .text where request.isExpired(at: UnixTime.milliseconds):
            throw GatewayError(.deadlineExceeded, "the deadline had passed before the request could be classified")
        case .text(let text):
            return Sentence([UInt8](text))
        case .failure(let code, let message):
            throw GatewayError(ProblemCode(code), message)
        }
    }
}

extension AskedTexts {
    fileprivate mutating func append(_ text: UnsafeRawBufferPointer, _ rules: SentenceRules) {
        if let violation = rules.violation(ofUTF8: text) {
            violations.append(GatewayError(violation))
        } else {
            sentences.append(Sentence([UInt8](text)))
            violations.append(nil)
        }
    }
}

extension SentenceRules {
    /// Validates the bytes as a sentence.
    func sentence(_ bytes: [UInt8]) throws(GatewayError) -> Sentence {
        if let violation = bytes.withUnsafeBytes({ violation(of: $0) }) { throw GatewayError(violation) }
        return Sentence(bytes)
    }
}

extension GatewayError {
    /// An invalid request, with the worker's code and message.
    init(_ failure: RequestFailure) { self.init(ProblemCode(failure.code), failure.message) }

    static func batchSize(_ maximum: Int) -> GatewayError {
        GatewayError(.batchSize, "a request may have 1 to \(maximum) sentences")
    }
}

extension ProblemCode {
    /// The caller's code for a worker's error code.
    fileprivate init(_ code: ErrorCode) { self = ProblemCode(rawValue: code.rawValue) ?? .internalError }
}
