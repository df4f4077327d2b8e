import Messages
import NIOCore

/// Reads an Open Inference Protocol request: JSON, optionally followed by binary tensors (the extension
/// `binary_tensor_data`).
struct InferenceReader {
    private enum Field: String, CaseIterable { case id, inputs, outputs, parameters }
    private enum TensorField: String, CaseIterable { case name, datatype, shape, data, parameters }

    /// One input tensor as described in the JSON.
    private struct Tensor {
        var name: String?
        var datatype = ""
        var shape: [Int64] = []
        var elements: [[UInt8]]?
        /// What is wrong with the elements. Reported only after the datatype has been checked.
        var elementProblem: GatewayError?
        var parameters = InferenceParameters()
    }

    /// A requested output as described in the JSON.
    private struct WantedOutput {
        var name: String?
        var parameters = InferenceParameters()
    }

    private let rules: SentenceRules
    private let maximum: Int
    private var problems = FieldProblems<Field>()
    private var id: String?
    private var tensors: [Tensor] = []
    private var wanted: [WantedOutput] = []
    private var parameters = InferenceParameters()

    /// Reads a body whose first `jsonLength` bytes are JSON; nil means all of it.
    static func read(
        _ body: ByteBuffer, jsonLength: Int?, rules: SentenceRules, maximum: Int
    ) throws(GatewayError) -> InferenceRequest {
        var body = body
        guard let json = body.readSlice(length: jsonLength ?? body.readableBytes) else {
            throw GatewayError(.malformedJSON, "Inference-Header-Content-Length is more than the body has")
        }
        var reader = InferenceReader(rules: rules, maximum: maximum)
        try RequestBodies.read(json) { json throws(JSONError) in try reader.object(&json) }
        if let problem = reader.problems.first { throw problem }
        return try reader.request(binary: body)
    }

    private init(rules: SentenceRules, maximum: Int) {
        self.rules = rules
        self.maximum = maximum
    }

    // MARK: JSON

    private mutating func object(_ json: inout JSONReader) throws(JSONError) {
        guard try json.peek() == .object else {
            try json.skip()
            problems[.inputs] = GatewayError(.invalidParameter, "the body must be an object")
            return
        }
        try json.beginObject()
        while let key = try json.nextKey() {
            guard let field = Field(rawValue: key.text) else {
                try json.skip()
                continue
            }
            switch field {
            case .id:
                id = nil
                if try json.peek() == .string {
                    id = try json.string().text
                    problems[.id] = nil
                } else {
                    problems[.id] =
                        try json.isNull() ? nil : GatewayError(.invalidParameter, "id must be a string")
                }
            case .inputs:
                let read = try Self.elements(&json, "inputs", Self.tensor)
                keep(read, as: field) { $0.tensors = $1 }
            case .outputs:
                if try json.peek() == .null {
                    try json.skip()
                    keep(.success([]), as: field) { $0.wanted = $1 }
                } else {
                    let read = try Self.elements(&json, "outputs", Self.output)
                    keep(read, as: field) { $0.wanted = $1 }
                }
            case .parameters:
                let read = try InferenceParameters.read(&json, of: "the request")
                keep(read, as: field) { $0.parameters = $1 }
            }
        }
    }

    private mutating func keep<Value>(
        _ outcome: Result<Value, GatewayError>, as field: Field, _ store: (inout InferenceReader, Value) -> Void
    ) {
        switch outcome {
        case .success(let value):
            problems[field] = nil
            store(&self, value)
        case .failure(let error):
            problems[field] = error
        }
    }

    /// Reads an array of objects. Fails with the first problem.
    private static func elements<Element>(
        _ json: inout JSONReader, _ name: String,
        _ read: (inout JSONReader, _ index: Int) throws(JSONError) -> Result<Element, GatewayError>
    ) throws(JSONError) -> Result<[Element], GatewayError> {
        guard try json.peek() == .array else {
            try json.skip()
            return .failure(GatewayError(.invalidParameter, "\(name) must be an array"))
        }
        var elements: [Element] = []
        var problem: GatewayError?
        var index = 0
        try json.beginArray()
        while try json.nextElement() {
            if try json.peek() == .object {
                switch try read(&json, index) {
                case .success(let element): elements.append(element)
                case .failure(let error): problem = problem ?? error
                }
            } else {
                try json.skip()
                problem = problem ?? GatewayError(.invalidParameter, "\(name) must hold objects, and \(index) is none")
            }
            index += 1
        }
        return problem.map { .failure($0) } ?? .success(elements)
    }

    private static func tensor(
        _ json: inout JSONReader, _ index: Int
    ) throws(JSONError) -> Result<Tensor, GatewayError> {
        let owner = "inputs[\(index)]"
        var tensor = Tensor()
        var problems = FieldProblems<TensorField>()
        try json.beginObject()
        while let key = try json.nextKey() {
            guard let field = TensorField(rawValue: key.text) else {
                try json.skip()
                continue
            }
            problems[field] = nil
            switch field {
            case .name, .datatype:
                guard try json.peek() == .string else {
                    try json.skip()
                    problems[field] = GatewayError(
                        .invalidParameter, "\(field.rawValue) of \(owner) must be a string")
                    continue
                }
                let value = try json.string().text
                if field == .name { tensor.name = value } else { tensor.datatype = value }
            case .shape:
                guard let shape = try shape(&json) else {
                    problems[field] = GatewayError(
                        .invalidParameter, "shape of \(owner) must be an array of whole numbers")
                    continue
                }
                tensor.shape = shape
            case .data:
                tensor.elements = nil
                tensor.elementProblem = nil
                guard try json.peek() == .array else {
                    if try !json.isNull() {
                        problems[field] = GatewayError(.invalidParameter, "data of \(owner) must be an array")
                    }
                    continue
                }
                var elements: [[UInt8]] = []
                try data(&json, &elements, &tensor.elementProblem)
                tensor.elements = elements
            case .parameters:
                switch try InferenceParameters.read(&json, of: owner) {
                case .success(let parameters): tensor.parameters = parameters
                case .failure(let error): problems[field] = error
                }
            }
        }
        if let problem = problems.first { return .failure(problem) }
        if tensor.name == nil { return .failure(GatewayError(.invalidParameter, "\(owner) has no name")) }
        return .success(tensor)
    }

    private static func shape(_ json: inout JSONReader) throws(JSONError) -> [Int64]? {
        guard try json.peek() == .array else {
            try json.skip()
            return nil
        }
        var shape: [Int64]? = []
        try json.beginArray()
        while try json.nextElement() {
            guard try json.peek() == .number else {
                try json.skip()
                shape = nil
                continue
            }
            let dimension = try json.number().decimalInteger
            if let dimension { shape?.append(dimension) } else { shape = nil }
        }
        return shape
    }

    /// Reads strings from arrays of any depth.
    private static func data(
        _ json: inout JSONReader, _ elements: inout [[UInt8]], _ problem: inout GatewayError?
    ) throws(JSONError) {
        try json.beginArray()
        while try json.nextElement() {
            switch try json.peek() {
            case .array: try data(&json, &elements, &problem)
            case .string: elements.append([UInt8](try json.string()))
            default:
                try json.skip()
                problem = problem ?? .element(elements.count, GatewayError(.invalidParameter, "it is not a string"))
                elements.append([])
            }
        }
    }

    private static func output(
        _ json: inout JSONReader, _ index: Int
    ) throws(JSONError) -> Result<WantedOutput, GatewayError> {
        let owner = "outputs[\(index)]"
        var output = WantedOutput()
        var problems = FieldProblems<TensorField>()
        try json.beginObject()
        while let key = try json.nextKey() {
            switch TensorField(rawValue: key.text) {
            case .name:
                problems[.name] = nil
                if try json.peek() == .string {
                    output.name = try json.string().text
                } else {
                    try json.skip()
                    problems[.name] = GatewayError(.invalidParameter, "name of \(owner) must be a string")
                }
            case .parameters:
                problems[.parameters] = nil
                switch try InferenceParameters.read(&json, of: owner) {
                case .success(let parameters): output.parameters = parameters
                case .failure(let error): problems[.parameters] = error
                }
            default:
                try json.skip()
            }
        }
        if let problem = problems.first { return .failure(problem) }
        if output.name == nil { return .failure(GatewayError(.invalidParameter, "\(owner) has no name")) }
        return .success(output)
    }

    // MARK: Validation

    private func request(binary: ByteBuffer) throws(GatewayError) -> InferenceRequest {
        var request = InferenceRequest()
        request.id = id
        // In MLServer's request codecs, `str` and `np` mean one string tensor, and `pd` means one column per input.
        let contentType = try parameters.contentType(of: "the request", in: ["str", "np", "pd"])
        request.isTable = contentType == "pd"
        request.outputs = try outputs()
        let tensor = try textTensor(binary)
        request.sentences = try sentences(of: tensor)
        return request
    }

    private func outputs() throws(GatewayError) -> [InferenceRequest.Output] {
        let wantsBinary = parameters.wantsBinaryOutputs ?? false
        // In Triton, 0 means that no classification is requested.
        let top = parameters.topClasses.flatMap { $0 > 0 ? $0 : nil }
        if wanted.isEmpty {
            // Clients count on these two: `confidence` comes if it is asked for.
            return [
                .init(name: .probabilities, isBinary: wantsBinary, topClasses: top),
                .init(name: .label, isBinary: wantsBinary),
            ]
        }
        var outputs: [InferenceRequest.Output] = []
        for output in wanted {
            guard let name = output.name.flatMap(InferenceRequest.OutputName.init) else {
                throw GatewayError(
                    .invalidParameter,
                    "there is no output \(Self.shown(output.name)); the outputs are probabilities, label and confidence"
                )
            }
            guard !outputs.contains(where: { $0.name == name }) else {
                throw GatewayError(.invalidParameter, "the output \(name) is asked for twice")
            }
            let own = output.parameters.topClasses
            let topClasses = own.map { $0 > 0 ? $0 : nil } ?? (name == .probabilities ? top : nil)
            let allowed = name == .label || topClasses != nil ? ["str", "np"] : ["np"]
            _ = try output.parameters.contentType(of: "the output \(name)", in: allowed)
            if topClasses != nil, name != .probabilities {
                throw GatewayError(.invalidParameter, "the output \(name) has no classification; probabilities has one")
            }
            outputs.append(
                .init(name: name, isBinary: output.parameters.wantsBinary ?? wantsBinary, topClasses: topClasses))
        }
        return outputs
    }

    /// The tensor with the sentences, with its elements taken from the binary data if they are there. It must be the
    /// only input; any name is accepted.
    private func textTensor(_ binary: ByteBuffer) throws(GatewayError) -> Tensor {
        guard var tensor = tensors.first else {
            throw GatewayError(.missingText, "inputs must hold a tensor with the sentences")
        }
        if tensors.count > 1 {
            let name = InferenceRequest.inputName
            if let other = tensors.first(where: { $0.name != name }) {
                throw GatewayError(
                    .invalidParameter, "there is no input \(Self.shown(other.name)); the model takes one, \(name)")
            }
            throw GatewayError(.invalidParameter, "the input \(name) is there twice")
        }
        var binary = binary
        if let size = tensor.parameters.binarySize {
            guard tensor.elements == nil else {
                throw GatewayError(
                    .invalidParameter, "the input \(Self.shown(tensor.name)) has both data and binary_data_size")
            }
            tensor.elements = try Self.elements(&binary, size: size)
        }
        guard binary.readableBytes == 0 else {
            throw GatewayError(
                .invalidParameter, "\(binary.readableBytes) bytes after the JSON belong to no input")
        }
        return tensor
    }

    private func sentences(of tensor: Tensor) throws(GatewayError) -> [Sentence] {
        let owner = "the input \(Self.shown(tensor.name))"
        guard tensor.datatype == "BYTES" else {
            throw GatewayError(.invalidParameter, "\(owner) must have the datatype BYTES")
        }
        let contentType = try tensor.parameters.contentType(of: owner, in: ["str", "np", "base64"])
        if let problem = tensor.elementProblem { throw problem }
        guard let elements = tensor.elements else { throw GatewayError(.missingText, "\(owner) has no data") }
        guard (1...maximum).contains(elements.count) else { throw .batchSize(maximum) }
        guard Self.count(of: tensor.shape) == elements.count else {
            throw GatewayError(.invalidParameter, "shape of \(owner) does not fit its \(elements.count) elements")
        }
        var sentences: [Sentence] = []
        sentences.reserveCapacity(elements.count)
        let scratch = ScratchArena(chunkSize: 1_024)
        for (index, element) in elements.enumerated() {
            do throws(GatewayError) {
                sentences.append(
                    contentType == "base64" ? try decoded(element, scratch) : try rules.sentence(element))
            } catch {
                throw .element(index, error)
            }
        }
        return sentences
    }

    private func decoded(_ element: [UInt8], _ scratch: ScratchArena) throws(GatewayError) -> Sentence {
        let outcome: Result<Sentence, GatewayError> = element.withUnsafeBytes { bytes in
            scratch.reset()
            guard let text = Base64.decode(bytes, into: scratch) else {
                return .failure(GatewayError(.invalidParameter, "it is not Base64, which its content_type says it is"))
            }
            do throws(GatewayError) { return .success(try rules.sentence([UInt8](text))) } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    /// The number of elements of a tensor with this shape; nil if the shape is invalid.
    private static func count(of shape: [Int64]) -> Int? {
        if shape.isEmpty { return nil }
        var count: Int64 = 1
        for dimension in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            if overflow || product < 0 { return nil }
            count = product
        }
        return Int(exactly: count)
    }

    /// Reads binary elements, each with a four-byte little-endian length prefix.
    private static func elements(_ binary: inout ByteBuffer, size: Int) throws(GatewayError) -> [[UInt8]] {
        let wrong = GatewayError(.invalidParameter, "binary_data_size does not fit the bytes after the JSON")
        guard var tensor = binary.readSlice(length: size) else { throw wrong }
        var elements: [[UInt8]] = []
        while tensor.readableBytes > 0 {
            guard let length = tensor.readInteger(endianness: .little, as: UInt32.self),
                let element = tensor.readBytes(length: Int(length))
            else { throw wrong }
            elements.append(element)
        }
        return elements
    }

    /// A tensor's name for error messages.
    private static func shown(_ name: String?) -> String { (name ?? "").shortened }
}

extension InferenceParameters {
    /// The content type; throws unless it is one of `allowed`.
    fileprivate func contentType(of owner: String, in allowed: [String]) throws(GatewayError) -> String? {
        // An empty one counts as absent, as in MLServer.
        guard let contentType, !contentType.isEmpty else { return nil }
        if allowed.contains(contentType) { return contentType }
        let names = allowed.joined(separator: " or ")
        throw GatewayError(
            .invalidParameter, "the content type of \(owner) must be \(names), not \(contentType.shortened)")
    }
}

extension String {
    /// A client-supplied name, shortened for error messages.
    fileprivate var shortened: String { utf8.count > 64 ? "\(prefix(48))…" : self }
}

extension GatewayError {
    /// An error in one element of a tensor.
    static func element(_ index: Int, _ error: GatewayError) -> GatewayError {
        GatewayError(error.code, "element \(index): \(error.detail)")
    }
}

/// A parsed Open Inference Protocol request.
struct InferenceRequest {
    /// One of the model's output tensors.
    enum OutputName: String {
        case probabilities
        case label
        case confidence
    }

    /// One output tensor that the caller requested.
    struct Output {
        let name: OutputName
        /// Whether its elements follow the JSON in binary form, as Triton's clients prefer.
        let isBinary: Bool
        /// How many top classes to return per sentence instead of all probabilities.
        var topClasses: Int?
    }

    /// The name of the model's only input.
    static let inputName = "text"

    /// The caller's id for the request.
    var id: String?
    /// Whether the caller exchanges tables with a column per tensor: MLServer's content type `pd`.
    var isTable = false
    /// The elements of the text tensor, in row-major order.
    var sentences: [Sentence] = []
    /// The outputs to return, in this order.
    var outputs: [Output] = []
}

extension CallResult {
    /// The answers to all sentences. The protocol has no per-element errors, so the first error fails the request.
    func allAnswers() throws(GatewayError) -> [Answer] {
        var answers: [Answer] = []
        answers.reserveCapacity(outcomes.count)
        for (index, outcome) in outcomes.enumerated() {
            switch outcome {
            case .success(let answer): answers.append(answer)
            case .failure(let error): throw .element(index, error)
            }
        }
        return answers
    }
}
