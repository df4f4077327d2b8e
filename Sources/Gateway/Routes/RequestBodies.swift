import HTTPServer
import Messages
import NIOCore
import Platform

/// One sentence as a caller sent it, or what is wrong with it.
struct AskedSentence: Sendable {
    let outcome: Result<Sentence, GatewayError>
    /// The caller's name for it, which it may have also when something is wrong with it.
    let id: String?
}

/// The sentences of a batch: those that can be sent, and for each text of the request what is wrong with it, if anything.
struct AskedTexts: Sendable {
    var sentences: [Sentence] = []
    var violations: [GatewayError?] = []
    var count: Int { violations.count }
}

/// Reads the bodies of requests, by the rules that records are read by: `RequestDecoder` reads what can be a record's
/// value, and what only a route takes is read with its `RequestFields` and `SentenceRules`.
enum RequestBodies {
    /// One sentence: `{"text":"…","id":"…"}`, or a CloudEvent, as the head says.
    static func sentence(_ request: Request, rules: SentenceRules) -> AskedSentence {
        request.withRecordHeaders { headers in
            decode(request.body, headers, rules) { request, _ in AskedSentence(request) }
        }
    }

    /// One line of a stream: `{"text":"…","id":"…"}`, or the sentence itself.
    static func line(_ line: ByteBuffer, isPlainText: Bool, rules: SentenceRules) -> AskedSentence {
        var headers = RequestHeaders()
        if isPlainText {
            headers.add(name: HeaderName.contentType.bytes, value: StaticString("text/plain").bytes)
        }
        return decode(line, headers, rules) { request, _ in AskedSentence(request) }
    }

    /// `{"texts":["…",…]}`
    static func texts(_ body: ByteBuffer, rules: SentenceRules, maximum: Int) throws(GatewayError) -> AskedTexts {
        var texts = AskedTexts()
        var problem: GatewayError? = GatewayError(.missingText, "the object has no field \"texts\"")
        try read(body) { reader throws(JSONError) in
            try reader.beginObject()
            while let key = try reader.nextKey() {
                guard key.equals("texts") else {
                    try reader.skip()
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
        return texts
    }

    /// Reads a body as a worker reads a record's value, and lends what it found.
    static func decode<Value>(
        _ body: ByteBuffer, _ headers: RequestHeaders, _ rules: SentenceRules, readsKey: Bool = false,
        _ use: (DecodedRequest, RequestFields) -> Value
    ) -> Value {
        // How large a body may be was decided when it came in.
        let decoder = RequestDecoder(maximumTextBytes: rules.maximumBytes, maximumValueBytes: .max)
        var fields = RequestFields(readsKey: readsKey)
        return withExtendedLifetime(decoder) {
            body.withUnsafeReadableBytes { bytes in
                let request = decoder.decode(value: bytes, headers: headers, fields: &fields)
                return use(request, fields)
            }
        }
    }

    /// Lends a reader over the body and checks that it is one JSON value.
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

extension AskedSentence {
    /// Copies what was decoded.
    init(_ request: DecodedRequest) {
        id = request.id?.text
        switch request.content {
        case .text where request.isExpired(at: UnixTime.milliseconds):
            outcome = .failure(
                GatewayError(.deadlineExceeded, "the deadline had passed before the request could be classified"))
        case .text(let text):
            outcome = .success(Sentence([UInt8](text)))
        case .failure(let code, let message):
            outcome = .failure(GatewayError(ProblemCode(code), message))
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
    /// The sentence that these bytes are.
    func sentence(_ bytes: [UInt8]) throws(GatewayError) -> Sentence {
        if let violation = bytes.withUnsafeBytes({ violation(of: $0) }) { throw GatewayError(violation) }
        return Sentence(bytes)
    }
}

extension GatewayError {
    /// What is wrong with a request, said as a worker says it.
    init(_ failure: RequestFailure) { self.init(ProblemCode(failure.code), failure.message) }

    static func batchSize(_ maximum: Int) -> GatewayError {
        GatewayError(.batchSize, "a request may have 1 to \(maximum) sentences")
    }
}

extension ProblemCode {
    /// What callers are told of what a worker says, or would say.
    fileprivate init(_ code: ErrorCode) { self = ProblemCode(rawValue: code.rawValue) ?? .internalError }
}
