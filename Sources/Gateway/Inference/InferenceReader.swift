import Messages
import NIOCore

/// Reads a request of the Open Inference Protocol: JSON, and perhaps the tensors' bytes behind it (the extension
/// `binary_tensor_data`).
struct InferenceReader {
    /// One input tensor as the JSON has it.
    private struct Tensor {
        var isNamed = false
        var datatype = ""
        var shape: [Int64] = []
        var texts: [[UInt8]]?
        var binarySize: Int?
        var isNotText = false
    }

    let rules: SentenceRules
    let maximum: Int
    /// What was wrong first.
    private var problem: GatewayError?
    private var tensors: [Tensor] = []
    private var wanted: [(name: String, isBinary: Bool?)]?
    private var wantsBinary = false
    private var id: String?

    init(rules: SentenceRules, maximum: Int) {
        self.rules = rules
        self.maximum = maximum
    }

    /// Reads a body whose first `jsonLength` bytes are JSON; all of it, when that is nil.
    static func read(
        _ body: ByteBuffer, jsonLength: Int?, rules: SentenceRules, maximum: Int
    ) throws(GatewayError) -> InferenceRequest {
        var body = body
        var reader = InferenceReader(rules: rules, maximum: maximum)
        guard let json = body.readSlice(length: jsonLength ?? body.readableBytes) else {
            throw GatewayError(.malformedJSON, "Inference-Header-Content-Length is more than the body has")
        }
        try RequestBodies.read(json) { json throws(JSONError) in try reader.object(&json) }
        if let problem = reader.problem { throw problem }
        return try reader.request(binary: body)
    }

    // MARK: JSON

    private mutating func object(_ json: inout JSONReader) throws(JSONError) {
        guard try json.peek() == .object else { return try refuse(&json, "the body must be an object") }
        try json.beginObject()
        while let key = try json.nextKey() {
            if key.equals("id") {
                if try isNext(.string, &json, "id must be a string") { id = try json.string().text }
            } else if key.equals("inputs") {
                try elements(&json, "inputs") { reader, json throws(JSONError) in try reader.input(&json) }
            } else if key.equals("outputs") {
                if try json.peek() == .null {
                    try json.skip()
                    continue
                }
                wanted = wanted ?? []
                try elements(&json, "outputs") { reader, json throws(JSONError) in try reader.output(&json) }
            } else if key.equals("parameters") {
                try parameters(&json, "binary_data_output", .boolean) { reader, json throws(JSONError) in
                    reader.wantsBinary = try json.boolean()
                }
            } else {
                try json.skip()
            }
        }
    }

    /// Whether a value of this kind comes next. Null is as good as no value; whatever else is refused.
    private mutating func isNext(
        _ kind: JSONReader.Kind, _ json: inout JSONReader, _ rule: String
    ) throws(JSONError) -> Bool {
        let next = try json.peek()
        if next == kind { return true }
        if next == .null { try json.skip() } else { try refuse(&json, rule) }
        return false
    }

    /// Reads an object of parameters, of which one means something here.
    private mutating func parameters(
        _ json: inout JSONReader, _ name: StaticString, _ kind: JSONReader.Kind,
        _ read: (inout InferenceReader, inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard try isNext(.object, &json, "parameters must be an object") else { return }
        try json.beginObject()
        while let key = try json.nextKey() {
            // The standard lets a parameter be anything, so one of another kind is another's.
            if key.equals(name), try json.peek() == kind {
                try read(&self, &json)
            } else {
                try json.skip()
            }
        }
    }

    private mutating func elements(
        _ json: inout JSONReader, _ name: String,
        _ read: (inout InferenceReader, inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard try json.peek() == .array else { return try refuse(&json, "\(name) must be an array") }
        try json.beginArray()
        while try json.nextElement() {
            if try json.peek() == .object {
                try read(&self, &json)
            } else {
                try refuse(&json, "\(name) must hold objects")
            }
        }
    }

    private mutating func input(_ json: inout JSONReader) throws(JSONError) {
        var tensor = Tensor()
        try json.beginObject()
        while let key = try json.nextKey() {
            if key.equals("name") {
                tensor.isNamed = try isNext(.string, &json, "an input's name must be a string")
                if tensor.isNamed { try json.skip() }
            } else if key.equals("datatype") {
                if try isNext(.string, &json, "datatype must be a string") { tensor.datatype = try json.string().text }
            } else if key.equals("shape") {
                try shape(&json, &tensor)
            } else if key.equals("data") {
                guard try isNext(.array, &json, "data must be an array") else { continue }
                var texts: [[UInt8]] = []
                try data(&json, &texts, &tensor)
                tensor.texts = texts
            } else if key.equals("parameters") {
                try parameters(&json, "binary_data_size", .number) { _, json throws(JSONError) in
                    tensor.binarySize = try json.number().decimalInteger.flatMap { Int(exactly: $0) }
                }
            } else {
                try json.skip()
            }
        }
        if !tensor.isNamed { problem = problem ?? GatewayError(.invalidParameter, "an input has no name") }
        tensors.append(tensor)
    }

    private mutating func shape(_ json: inout JSONReader, _ tensor: inout Tensor) throws(JSONError) {
        guard try isNext(.array, &json, "shape must be an array") else { return }
        try json.beginArray()
        while try json.nextElement() {
            guard try json.peek() == .number else {
                try refuse(&json, "shape must hold whole numbers")
                continue
            }
            // A number that is not whole fits no tensor, as -1 does not.
            tensor.shape.append(try json.number().decimalInteger ?? -1)
        }
    }

    /// Reads strings, in as many levels of arrays as the shape has.
    private mutating func data(
        _ json: inout JSONReader, _ texts: inout [[UInt8]], _ tensor: inout Tensor
    ) throws(JSONError) {
        try json.beginArray()
        while try json.nextElement() {
            switch try json.peek() {
            case .array: try data(&json, &texts, &tensor)
            case .string: texts.append([UInt8](try json.string()))
            default:
                tensor.isNotText = true
                try json.skip()
            }
        }
    }

    private mutating func output(_ json: inout JSONReader) throws(JSONError) {
        var name = ""
        var isBinary: Bool?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key.equals("name") {
                if try isNext(.string, &json, "an output's name must be a string") { name = try json.string().text }
            } else if key.equals("parameters") {
                try parameters(&json, "binary_data", .boolean) { _, json throws(JSONError) in
                    isBinary = try json.boolean()
                }
            } else {
                try json.skip()
            }
        }
        wanted?.append((name, isBinary))
    }

    /// Passes over a value that cannot be, and remembers why.
    private mutating func refuse(_ json: inout JSONReader, _ detail: String) throws(JSONError) {
        try json.skip()
        problem = problem ?? GatewayError(.invalidParameter, detail)
    }

    // MARK: Meaning

    private func request(binary: ByteBuffer) throws(GatewayError) -> InferenceRequest {
        var request = InferenceRequest()
        request.id = id
        request.outputs = try outputs()
        request.sentences = try sentences(binary)
        return request
    }

    private func outputs() throws(GatewayError) -> [InferenceRequest.Output] {
        guard let wanted, !wanted.isEmpty else {
            return [
                .init(name: .probabilities, isBinary: wantsBinary), .init(name: .label, isBinary: wantsBinary),
            ]
        }
        var outputs: [InferenceRequest.Output] = []
        for output in wanted {
            guard let name = InferenceRequest.OutputName(rawValue: output.name) else {
                throw GatewayError(.invalidParameter, "the outputs are probabilities and label")
            }
            outputs.append(.init(name: name, isBinary: output.isBinary ?? wantsBinary))
        }
        return outputs
    }

    private func sentences(_ binary: ByteBuffer) throws(GatewayError) -> [Sentence] {
        guard !tensors.isEmpty else { throw GatewayError(.missingText, "inputs must hold a tensor with the sentences") }
        var binary = binary
        var texts: [[UInt8]]?
        var shape: [Int64] = []
        for tensor in tensors {
            var elements = tensor.texts
            if let size = tensor.binarySize { elements = try Self.elements(&binary, size: size) }
            guard texts == nil, tensor.datatype == "BYTES" else { continue }
            if tensor.isNotText { throw GatewayError(.invalidParameter, "data must hold strings") }
            guard let elements else { throw GatewayError(.missingText, "the tensor has no data") }
            texts = elements
            shape = tensor.shape
        }
        guard let texts else { throw GatewayError(.invalidParameter, "the sentences' datatype must be BYTES") }
        guard (1...maximum).contains(texts.count) else { throw .batchSize(maximum) }
        var size: Int64 = 1
        for dimension in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
            size = overflow ? -1 : product
            if size < 0 { break }
        }
        guard !shape.isEmpty, size == texts.count else {
            throw GatewayError(.invalidParameter, "shape does not fit the \(texts.count) elements of data")
        }
        var sentences: [Sentence] = []
        sentences.reserveCapacity(texts.count)
        for (index, text) in texts.enumerated() {
            do throws(GatewayError) {
                sentences.append(try rules.sentence(text))
            } catch {
                throw GatewayError(error.code, "element \(index): \(error.detail)")
            }
        }
        return sentences
    }

    /// Takes a tensor's bytes: for each element its length, four bytes with the least significant first, and itself.
    private static func elements(_ binary: inout ByteBuffer, size: Int) throws(GatewayError) -> [[UInt8]] {
        let wrong = GatewayError(.invalidParameter, "binary_data_size does not fit the bytes after the JSON")
        guard size >= 0, var tensor = binary.readSlice(length: size) else { throw wrong }
        var elements: [[UInt8]] = []
        while tensor.readableBytes > 0 {
            guard let length = tensor.readInteger(endianness: .little, as: UInt32.self),
                let element = tensor.readBytes(length: Int(length))
            else { throw wrong }
            elements.append(element)
        }
        return elements
    }
}
