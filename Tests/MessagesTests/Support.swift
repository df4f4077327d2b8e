import Messages

/// Calls the body with the bytes of the text.
func withBytes<Result, Failure: Error>(
    of text: String, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    try withBytes(of: Array(text.utf8), body)
}

/// Calls the body with the bytes, in memory of exactly their size.
func withBytes<Result, Failure: Error>(
    of bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(memory))
}

/// What the decoder makes of a record, with everything that it borrows copied.
struct Outcome: Equatable {
    var text: String?
    var code: ErrorCode?
    var message: String?
    var id: String?
    var isCloudEvent = false
    var deadline: Int64?
}

/// Decodes a record.
func decode(
    _ value: [UInt8]?, headers: [(String, [UInt8]?)] = [], decoder: RequestDecoder = RequestDecoder()
) -> Outcome {
    // The request borrows from the decoder.
    defer { withExtendedLifetime(decoder) {} }
    return withHeaders(headers) { headers in
        func outcome(_ value: UnsafeRawBufferPointer?) -> Outcome {
            let request = decoder.decode(value: value, headers: headers)
            var outcome = Outcome(
                id: request.id?.text, isCloudEvent: request.isCloudEvent, deadline: request.deadline)
            switch request.content {
            case .text(let text): outcome.text = text.text
            case .failure(let code, let message): (outcome.code, outcome.message) = (code, message)
            }
            return outcome
        }
        guard let value else { return outcome(nil) }
        return withBytes(of: value, outcome)
    }
}

/// Decodes a record whose value and headers are text.
func decode(_ value: String, headers: KeyValuePairs<String, String> = [:]) -> Outcome {
    decode(Array(value.utf8), headers: headers.map { ($0.key, Array($0.value.utf8)) })
}

/// Calls the body with the headers taken in.
func withHeaders<Result>(_ headers: [(String, [UInt8]?)], _ body: (RequestHeaders) -> Result) -> Result {
    func add(_ rest: ArraySlice<(String, [UInt8]?)>, to taken: RequestHeaders) -> Result {
        guard let (name, value) = rest.first else { return body(taken) }
        return withBytes(of: name) { name in
            var taken = taken
            guard let value else {
                taken.add(name: name, value: nil)
                return add(rest.dropFirst(), to: taken)
            }
            return withBytes(of: value) { value in
                taken.add(name: name, value: value)
                return add(rest.dropFirst(), to: taken)
            }
        }
    }
    return add(headers[...], to: RequestHeaders())
}

/// Encodes a reply; nil if the probabilities are not a distribution.
func encode(
    _ encoder: ReplyEncoder, id: String?, topic: String = "sentences", _ probabilities: [Float], stage: Stage? = nil
) -> String? {
    let arena = ByteArena()
    return withBytes(of: topic) { topic in
        let source = RecordSource(topic: topic, partition: 3, offset: 42)
        let range = probabilities.withUnsafeBufferPointer { probabilities in
            guard let id else {
                return encoder.encode(id: nil, source: source, probabilities: probabilities, stage: stage, into: arena)
            }
            return withBytes(of: id) {
                encoder.encode(id: $0, source: source, probabilities: probabilities, stage: stage, into: arena)
            }
        }
        return range.map { arena.bytes(in: $0).text }
    }
}
