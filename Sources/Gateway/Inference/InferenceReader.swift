import Messages
import NIOCore

/// Reads a request of the Open Inference Protocol: JSON, and perhaps the tensors' bytes behind it (the extension
/// `binary_tensor_data`).
struct InferenceReader {
    private enum Field: String, CaseIterable { case id, inputs, outputs, parameters }
    private enum TensorField: String, CaseIterable { case name, datatype, shape, data, parameters }

    /// One input tensor as the JSON has it.
    private struct Tensor {
        var name: String?
        var datatype = ""
        var shape: [Int64] = []
        var elements: [[UInt8]]?
        /// What is wrong with the elements. It matters only where they should be sentences.
        var elementProblem: GatewayError?
        var parameters = InferenceParameters()
    }

    /// An output as the JSON names it.
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

    /// Reads a body whose first `jsonLength` bytes are JSON; all of it, when that is nil.
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

    /// Reads an array of objects. The outcome is the first problem, if there is one.
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

    /// Reads strings, in as many levels of arrays as the caller likes.
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

    // MARK: Meaning

    private func request(binary: ByteBuffer) throws(GatewayError) -> InferenceRequest {
        var request = InferenceRequest()
        request.id = id
        // What MLServer's codecs for whole requests mean by these is one tensor of strings, or a column for each input.
        let contentType = try parameters.contentType(of: "the request", in: ["str", "np", "pd"])
        request.isTable = contentType == "pd"
        request.outputs = try outputs()
        let tensor = try textTensor(binary)
        request.sentences = try sentences(of: tensor)
        return request
    }

    private func outputs() throws(GatewayError) -> [InferenceRequest.Output] {
        let wantsBinary = parameters.wantsBinaryOutputs ?? false
        if wanted.isEmpty {
            return [.init(name: .probabilities, isBinary: wantsBinary), .init(name: .label, isBinary: wantsBinary)]
        }
        var outputs: [InferenceRequest.Output] = []
        for output in wanted {
            guard let name = output.name.flatMap(InferenceRequest.OutputName.init) else {
                throw GatewayError(
                    .invalidParameter,
                    "there is no output \(Self.shown(output.name)); the outputs are probabilities and label")
            }
            guard !outputs.contains(where: { $0.name == name }) else {
                throw GatewayError(.invalidParameter, "the output \(name) is asked for twice")
            }
            // Triton takes 0 for a classification that is not asked for.
            let topClasses = output.parameters.topClasses.flatMap { $0 > 0 ? $0 : nil }
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

    /// The tensor with the sentences: the one called ``InferenceRequest/inputName``, or the only one, with the elements
    /// that stand in the bytes after the JSON. Whatever else there is was not meant for this model.
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

    /// How many elements a tensor of this shape has; nil when there can be none such.
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

    /// Takes a tensor's bytes: for each element its length, four bytes with the least significant first, and itself.
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

    /// A tensor's name as an error shows it.
    private static func shown(_ name: String?) -> String { (name ?? "").shortened }
}

extension InferenceParameters {
    /// The content type, if it is one of those that can be.
    fileprivate func contentType(of owner: String, in allowed: [String]) throws(GatewayError) -> String? {
        // As for MLServer, an empty one is none.
        guard let contentType, !contentType.isEmpty else { return nil }
        if allowed.contains(contentType) { return contentType }
        let names = allowed.joined(separator: " or ")
        throw GatewayError(
            .invalidParameter, "the content type of \(owner) must be \(names), not \(contentType.shortened)")
    }
}

extension String {
    /// As much of a name that somebody sent as an error needs to tell it.
    fileprivate var shortened: String { utf8.count > 64 ? "\(prefix(48))…" : self }
}

extension GatewayError {
    /// What is wrong with one element of a tensor.
    static func element(_ index: Int, _ error: GatewayError) -> GatewayError {
        GatewayError(error.code, "element \(index): \(error.detail)")
    }
}

/// A request of the Open Inference Protocol as the gateway needs it.
struct InferenceRequest {
    /// One of the tensors that a model gives.
    enum OutputName: String {
        case probabilities
        case label
    }

    /// One tensor that the caller wants.
    struct Output {
        let name: OutputName
        /// Whether its elements come after the JSON as bytes, as Triton's clients like it.
        let isBinary: Bool
        /// How many of the likeliest classes to name for each sentence, in place of the probability of each class.
        var topClasses: Int?
    }

    /// The name of the only input that a model takes.
    static let inputName = "text"

    /// The caller's name for the request.
    var id: String?
    /// Whether the caller exchanges whole tables, a column for each tensor: MLServer's content type `pd`.
    var isTable = false
    /// The elements of the text tensor, in row-major order.
    var sentences: [Sentence] = []
    /// What to answer with, in this order.
    var outputs: [Output] = []
}

extension CallResult {
    /// The answers to all sentences. The protocol has no place for an error of one element, so the first fails all.
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
