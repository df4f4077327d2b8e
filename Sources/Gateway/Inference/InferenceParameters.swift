import Messages

/// What the member `parameters` of a request, an input or an output may hold that means something here. The protocol
/// lets it hold anything else too.
struct InferenceParameters {
    enum Field: String, CaseIterable {
        /// What MLServer's codecs made of the value that a tensor stands for, or the tensors of a request together.
        case contentType = "content_type"
        /// Of a request: whether outputs that say nothing of it come as bytes.
        case binaryOutputs = "binary_data_output"
        /// Of an output: whether it comes as bytes.
        case binary = "binary_data"
        /// Of an input: how many of the bytes after the JSON are its elements.
        case binarySize = "binary_data_size"
        /// Of an output: how many of the likeliest classes to name in place of the probabilities of all.
        case topClasses = "classification"
        /// Triton's shared memory, which no other machine has.
        case sharedMemory = "shared_memory_region"
    }

    private(set) var contentType: String?
    private(set) var wantsBinaryOutputs: Bool?
    private(set) var wantsBinary: Bool?
    private(set) var binarySize: Int?
    private(set) var topClasses: Int?

    /// Reads the object. What is wrong with it is the outcome; only what is not JSON throws.
    ///
    /// - Parameter owner: whose parameters they are, for the error.
    static func read(
        _ json: inout JSONReader, of owner: String
    ) throws(JSONError) -> Result<InferenceParameters, GatewayError> {
        var parameters = InferenceParameters()
        guard try json.peek() == .object else {
            if try json.isNull() { return .success(parameters) }
            return .failure(GatewayError(.invalidParameter, "parameters of \(owner) must be an object"))
        }
        var problems = FieldProblems<Field>()
        try json.beginObject()
        while let key = try json.nextKey() {
            guard let field = Field(rawValue: key.text) else {
                try json.skip()
                continue
            }
            if let rule = try parameters.read(field, &json) {
                problems[field] = GatewayError(.invalidParameter, "\(field.rawValue) of \(owner) \(rule)")
            } else {
                problems[field] = nil
            }
        }
        if let problem = problems.first { return .failure(problem) }
        return .success(parameters)
    }

    /// Reads a field's value and returns what it must be if it is something else. MLServer's own types write null for
    /// what is not set.
    private mutating func read(_ field: Field, _ json: inout JSONReader) throws(JSONError) -> String? {
        switch field {
        case .contentType:
            contentType = nil
            guard try json.peek() == .string else { return try json.isNull() ? nil : "must be a string" }
            contentType = try json.string().text
        case .binaryOutputs, .binary:
            var value: Bool?
            if try json.peek() == .boolean {
                value = try json.boolean()
            } else if try !json.isNull() {
                return "must be true or false"
            }
            if field == .binary { wantsBinary = value } else { wantsBinaryOutputs = value }
        case .binarySize, .topClasses:
            var value: Int?
            if try json.peek() == .number {
                value = try json.number().decimalInteger.flatMap { Int(exactly: $0) }
                guard let value, value >= 0 else { return "must be a whole number, and not negative" }
            } else if try !json.isNull() {
                return "must be a whole number"
            }
            if field == .binarySize { binarySize = value } else { topClasses = value }
        case .sharedMemory:
            return try json.isNull() ? nil : "cannot be: there is no shared memory here"
        }
        return nil
    }
}

/// What is wrong with the fields of an object. Of fields with one name the last counts, so that a later one mends an
/// earlier one.
struct FieldProblems<Field: Hashable & CaseIterable> {
    private var problems: [Field: GatewayError] = [:]

    subscript(field: Field) -> GatewayError? {
        get { problems[field] }
        set { problems[field] = newValue }
    }

    /// One of them; the same for the same fields.
    var first: GatewayError? {
        if problems.isEmpty { return nil }
        return Field.allCases.lazy.compactMap { problems[$0] }.first
    }
}

extension JSONReader {
    /// Passes over the next value and says whether it was null.
    mutating func isNull() throws(JSONError) -> Bool {
        let isNull = try peek() == .null
        try skip()
        return isNull
    }
}
