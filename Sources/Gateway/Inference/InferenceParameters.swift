import Messages

/// The supported members of `parameters` in a request, an input or an output. The protocol allows others, which are
/// ignored.
struct InferenceParameters {
    enum Field: String, CaseIterable {
        /// How MLServer's codecs encoded a tensor's value, or all tensors of a request together.
        case contentType = "content_type"
        /// On a request: whether outputs are binary by default.
        case binaryOutputs = "binary_data_output"
        /// On an output: whether it is binary.
        case binary = "binary_data"
        /// On an input: how many of the bytes after the JSON belong to it.
        case binarySize = "binary_data_size"
        /// On an output: return this many top classes instead of all probabilities. Triton's name.
        case topClasses = "classification"
        /// The same, on a request or an output.
        case top
        /// Triton's shared memory, which clients on other machines cannot use.
        case sharedMemory = "shared_memory_region"
    }

    private(set) var contentType: String?
    private(set) var wantsBinaryOutputs: Bool?
    private(set) var wantsBinary: Bool?
    private(set) var binarySize: Int?
    private(set) var topClasses: Int?

    /// Reads the object. Invalid values are returned as a failure; only invalid JSON throws.
    ///
    /// - Parameter owner: whose parameters these are, for error messages.
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

    /// Reads a field's value. Returns what it must be if it is invalid. Null counts as absent, because MLServer's own
    /// types write it for unset fields.
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
        case .binarySize, .topClasses, .top:
            var value: Int?
            if try json.peek() == .number {
                value = try json.number().decimalInteger.flatMap { Int(exactly: $0) }
                guard let value, value >= 0 else { return "must be a whole number, and not negative" }
            } else if try !json.isNull() {
                return "must be a whole number"
            }
            if field == .binarySize { binarySize = value } else { topClasses = value }
        case .sharedMemory:
            return try json.isNull() ? nil : "is not supported: there is no shared memory here"
        }
        return nil
    }
}

/// The problems of an object's fields. If a field is repeated, the last occurrence counts and clears an earlier
/// problem.
struct FieldProblems<Field: Hashable & CaseIterable> {
    private var problems: [Field: GatewayError] = [:]

    subscript(field: Field) -> GatewayError? {
        get { problems[field] }
        set { problems[field] = newValue }
    }

    /// The first problem in declaration order, so that the result is deterministic.
    var first: GatewayError? {
        if problems.isEmpty { return nil }
        return Field.allCases.lazy.compactMap { problems[$0] }.first
    }
}

extension JSONReader {
    /// Skips the next value and returns whether it was null.
    mutating func isNull() throws(JSONError) -> Bool {
        let isNull = try peek() == .null
        try skip()
        return isNull
    }
}
