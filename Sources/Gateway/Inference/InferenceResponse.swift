import HTTPServer
import Messages
import NIOCore

/// Writes an Open Inference Protocol response: JSON, followed by the tensors requested in binary form.
///
/// A JSON tensor is flat and carries the content type for MLServer's codecs. For tables (`pd`), a row of several
/// elements is an array of its own, because `PandasCodec` ignores the shape and takes each element for a row.
struct InferenceResponse {
    let request: InferenceRequest
    let model: ModelInformation
    let answers: [Answer]

    private var json = ByteBuffer()
    private var binary = ByteBuffer()

    init(request: InferenceRequest, model: ModelInformation, answers: [Answer]) {
        self.request = request
        self.model = model
        self.answers = answers
    }

    /// The complete body, and the length of its JSON if binary data follows.
    mutating func body() throws(GatewayError) -> (bytes: ByteBuffer, jsonLength: Int?) {
        json.reserveCapacity(256 + answers.count * 128)
        json.writeStaticString("{\"model_name\":")
        json.writeJSON(string: model.name)
        json.writeStaticString(",\"model_version\":")
        json.writeJSON(string: model.version)
        if let id = request.id {
            json.writeStaticString(",\"id\":")
            json.writeJSON(string: id)
        }
        if request.isTable { json.writeStaticString(",\"parameters\":{\"content_type\":\"pd\"}") }
        json.writeStaticString(",\"outputs\":[")
        for (index, output) in request.outputs.enumerated() {
            if index > 0 { json.writeStaticString(",") }
            try write(output)
        }
        json.writeStaticString("]}")
        let length = json.readableBytes
        guard request.outputs.contains(where: \.isBinary) else { return (json, nil) }
        json.writeImmutableBuffer(binary)
        return (json, length)
    }

    private mutating func write(_ output: InferenceRequest.Output) throws(GatewayError) {
        switch output.name {
        case .probabilities:
            if let top = output.topClasses {
                let columns = min(top, model.labels.count)
                try writeTensor(output, "BYTES", columns: columns) { tensor, answer throws(GatewayError) in
                    try tensor.writeTopClasses(of: answer, columns)
                }
            } else {
                try writeTensor(output, "FP32", columns: model.labels.count) { tensor, answer throws(GatewayError) in
                    try tensor.writeProbabilities(of: answer)
                }
            }
        case .confidence:
            try writeTensor(output, "FP32", columns: nil) { tensor, answer throws(GatewayError) in
                try tensor.writeConfidence(of: answer)
            }
        case .label:
            try writeTensor(output, "BYTES", columns: nil) { tensor, answer throws(GatewayError) in
                try tensor.writeLabel(of: answer)
            }
        }
    }

    /// Writes a tensor with one row per sentence.
    ///
    /// - Parameter columns: the number of elements in a row; nil for a one-dimensional tensor.
    private mutating func writeTensor(
        _ output: InferenceRequest.Output, _ datatype: StaticString, columns: Int?,
        _ writeRow: (inout TensorWriter, Answer) throws(GatewayError) -> Void
    ) throws(GatewayError) {
        json.writeStaticString("{\"name\":\"")
        json.writeString(output.name.rawValue)
        json.writeStaticString("\",\"datatype\":\"")
        json.writeStaticString(datatype)
        json.writeStaticString("\",\"shape\":[")
        json.writeDecimal(answers.count)
        if let columns {
            json.writeStaticString(",")
            json.writeDecimal(columns)
        }
        json.writeStaticString("],\"parameters\":{")
        let rowLength = columns ?? 1
        if output.isBinary {
            var tensor = TensorWriter(bytes: binary, isBinary: true)
            binary = ByteBuffer()
            let start = tensor.bytes.readableBytes
            try writeRows(&tensor, rowLength, isNested: false, writeRow)
            json.writeStaticString("\"binary_data_size\":")
            json.writeDecimal(tensor.bytes.readableBytes - start)
            json.writeStaticString("}}")
            binary = tensor.bytes
        } else {
            let isNumeric = output.name != .label && output.topClasses == nil
            json.writeStaticString(isNumeric ? "\"content_type\":\"np\"" : "\"content_type\":\"str\"")
            json.writeStaticString("},\"data\":[")
            var tensor = TensorWriter(bytes: json, isBinary: false)
            json = ByteBuffer()
            try writeRows(&tensor, rowLength, isNested: request.isTable && rowLength > 1, writeRow)
            json = tensor.bytes
            json.writeStaticString("]}")
        }
    }

    private func writeRows(
        _ tensor: inout TensorWriter, _ rowLength: Int, isNested: Bool,
        _ writeRow: (inout TensorWriter, Answer) throws(GatewayError) -> Void
    ) throws(GatewayError) {
        for (index, answer) in answers.enumerated() {
            if isNested { tensor.bytes.writeStaticString(index > 0 ? ",[" : "[") }
            tensor.count = isNested ? 0 : index * rowLength
            let start = tensor.count
            try writeRow(&tensor, answer)
            guard tensor.count - start == rowLength else {
                // The model changed during the request. Answers of two models cannot share one tensor.
                throw GatewayError(.modelUnknown, "the model changed while the request was under way; send it again")
            }
            if isNested { tensor.bytes.writeStaticString("]") }
        }
    }
}

/// Writes the elements of one tensor, as JSON or in binary form.
private struct TensorWriter {
    var bytes: ByteBuffer
    let isBinary: Bool
    /// The number of elements in the array being written.
    var count = 0

    mutating func writeProbabilities(of answer: Answer) throws(GatewayError) {
        try RequestBodies.read(answer.probabilityBytes) { reader throws(JSONError) in
            try reader.beginObject()
            while try reader.nextKey() != nil {
                if isBinary {
                    bytes.writeInteger(Float(try reader.double()).bitPattern, endianness: .little)
                } else {
                    if count > 0 { bytes.writeStaticString(",") }
                    bytes.writeBytes(try reader.number())
                }
                count += 1
            }
        }
    }

    mutating func writeConfidence(of answer: Answer) throws(GatewayError) {
        if isBinary {
            try RequestBodies.read(answer.confidenceBytes) { reader throws(JSONError) in
                bytes.writeInteger(Float(try reader.double()).bitPattern, endianness: .little)
            }
        } else {
            if count > 0 { bytes.writeStaticString(",") }
            bytes.writeImmutableBuffer(answer.confidenceBytes)
        }
        count += 1
    }

    mutating func writeLabel(of answer: Answer) throws(GatewayError) {
        if isBinary {
            try RequestBodies.read(answer.labelBytes) { reader throws(JSONError) in write(try reader.string()) }
        } else {
            if count > 0 { bytes.writeStaticString(",") }
            bytes.writeLabel(of: answer)
            count += 1
        }
    }

    /// Writes the top classes in Triton's format `PROBABILITY:INDEX:LABEL`, most likely first.
    mutating func writeTopClasses(of answer: Answer, _ top: Int) throws(GatewayError) {
        for entry in try answer.likeliest(top) {
            var text = entry.number
            text += ":\(entry.index):".utf8
            text += entry.label
            text.withUnsafeBytes { write($0) }
        }
    }

    /// Writes an element of the datatype BYTES.
    private mutating func write(_ element: UnsafeRawBufferPointer) {
        if isBinary {
            bytes.writeInteger(UInt32(element.count), endianness: .little)
            bytes.writeBytes(element)
        } else {
            if count > 0 { bytes.writeStaticString(",") }
            bytes.writeJSON(utf8: element)
        }
        count += 1
    }
}
