import HTTPServer
import Messages
import NIOCore

/// Writes a response of the Open Inference Protocol: JSON, and behind it the tensors that are wanted as bytes.
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

    /// The whole body, and how many bytes of it are JSON when others follow.
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
        json.writeStaticString(",\"outputs\":[")
        for (index, output) in request.outputs.enumerated() {
            if index > 0 { json.writeStaticString(",") }
            switch output.name {
            case .probabilities: try writeProbabilities(isBinary: output.isBinary)
            case .label: try writeLabels(isBinary: output.isBinary)
            }
        }
        json.writeStaticString("]}")
        let length = json.readableBytes
        guard request.outputs.contains(where: \.isBinary) else { return (json, nil) }
        json.writeImmutableBuffer(binary)
        return (json, length)
    }

    /// One row for each sentence, one column for each class, in the model's order.
    private mutating func writeProbabilities(isBinary: Bool) throws(GatewayError) {
        json.writeStaticString("{\"name\":\"probabilities\",\"datatype\":\"FP32\",\"shape\":[")
        json.writeDecimal(answers.count)
        json.writeStaticString(",")
        json.writeDecimal(model.labels.count)
        json.writeStaticString(isBinary ? "]" : "],\"data\":[")
        let start = binary.readableBytes
        var isFirst = true
        for answer in answers {
            try RequestBodies.read(answer.probabilityBytes) { reader throws(JSONError) in
                try reader.beginObject()
                while try reader.nextKey() != nil {
                    if isBinary {
                        binary.writeInteger(Float(try reader.double()).bitPattern, endianness: .little)
                        continue
                    }
                    if !isFirst { json.writeStaticString(",") }
                    isFirst = false
                    json.writeBytes(try reader.number())
                }
            }
        }
        if isBinary { writeBinarySize(binary.readableBytes - start) } else { json.writeStaticString("]}") }
    }

    private mutating func writeLabels(isBinary: Bool) throws(GatewayError) {
        json.writeStaticString("{\"name\":\"label\",\"datatype\":\"BYTES\",\"shape\":[")
        json.writeDecimal(answers.count)
        json.writeStaticString(isBinary ? "]" : "],\"parameters\":{\"content_type\":\"str\"},\"data\":[")
        let start = binary.readableBytes
        for (index, answer) in answers.enumerated() {
            if isBinary {
                try RequestBodies.read(answer.labelBytes) { reader throws(JSONError) in
                    let label = try reader.string()
                    binary.writeInteger(UInt32(label.count), endianness: .little)
                    binary.writeBytes(label)
                }
            } else {
                if index > 0 { json.writeStaticString(",") }
                json.writeLabel(of: answer)
            }
        }
        if isBinary { writeBinarySize(binary.readableBytes - start) } else { json.writeStaticString("]}") }
    }

    private mutating func writeBinarySize(_ size: Int) {
        json.writeStaticString(",\"parameters\":{\"binary_data_size\":")
        json.writeDecimal(size)
        json.writeStaticString("}}")
    }
}
