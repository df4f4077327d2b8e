import HTTPServer
import Messages
import NIOCore
import Telemetry

/// Responses to metadata queries of Open Inference Protocol clients, such as those of Triton and MLServer.
enum ModelDescriptions {
    /// `/v2`, with the supported protocol extensions.
    static func server() -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"name\":\"triage\",\"version\":")
        body.writeJSON(string: ProgramVersion.number)
        body.writeStaticString(
            ",\"extensions\":[\"binary_tensor_data\",\"classification\",\"model_configuration\",\"statistics\"]}")
        return body
    }

    static func readiness(of model: ModelInformation) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"name\":")
        body.writeJSON(string: model.name)
        body.writeStaticString(",\"ready\":true}")
        return body
    }

    static func metadata(of model: ModelInformation) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"name\":")
        body.writeJSON(string: model.name)
        body.writeStaticString(",\"versions\":[")
        body.writeJSON(string: model.version)
        body.writeStaticString("],\"platform\":\"triage\",\"inputs\":[")
        body.writeStaticString("{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[-1]}],\"outputs\":[")
        body.writeStaticString("{\"name\":\"probabilities\",\"datatype\":\"FP32\",\"shape\":[-1,")
        body.writeDecimal(model.labels.count)
        body.writeStaticString("],\"parameters\":{\"labels\":[")
        for (index, label) in model.labels.enumerated() {
            if index > 0 { body.writeStaticString(",") }
            body.writeJSON(string: label)
        }
        body.writeStaticString("]}},{\"name\":\"label\",\"datatype\":\"BYTES\",\"shape\":[-1]},")
        body.writeStaticString("{\"name\":\"confidence\",\"datatype\":\"FP32\",\"shape\":[-1]}]}")
        return body
    }

    /// The supported part of Triton's model configuration. As in Triton, dimensions exclude the batch dimension, so the
    /// sentence and its label have none.
    static func configuration(of model: ModelInformation, maximumBatch: Int) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"name\":")
        body.writeJSON(string: model.name)
        body.writeStaticString(",\"platform\":\"triage\",\"backend\":\"triage\",\"max_batch_size\":")
        body.writeDecimal(maximumBatch)
        body.writeStaticString(
            ",\"input\":[{\"name\":\"text\",\"data_type\":\"TYPE_STRING\",\"dims\":[]}],\"output\":[")
        body.writeStaticString("{\"name\":\"probabilities\",\"data_type\":\"TYPE_FP32\",\"dims\":[")
        body.writeDecimal(model.labels.count)
        body.writeStaticString("]},{\"name\":\"label\",\"data_type\":\"TYPE_STRING\",\"dims\":[]},")
        body.writeStaticString("{\"name\":\"confidence\",\"data_type\":\"TYPE_FP32\",\"dims\":[]}]}")
        return body
    }

    /// The list of models: one, or none until a worker has answered.
    ///
    /// - Parameters:
    ///   - unavailable: why the model cannot answer; nil if it can.
    ///   - readyOnly: whether to omit a model that cannot answer.
    static func index(of model: ModelInformation?, unavailable: String?, readyOnly: Bool) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("[")
        if let model, unavailable == nil || !readyOnly {
            body.writeStaticString("{\"name\":")
            body.writeJSON(string: model.name)
            body.writeStaticString(",\"version\":")
            body.writeJSON(string: model.version)
            body.writeStaticString(unavailable == nil ? ",\"state\":\"READY\"" : ",\"state\":\"UNAVAILABLE\"")
            body.writeStaticString(",\"reason\":")
            body.writeJSON(string: unavailable ?? "")
            body.writeStaticString("}")
        }
        body.writeStaticString("]")
        return body
    }

    /// Reads the body of an index request: empty, as Triton's client sends it, or `{"ready":true}`.
    static func wantsReadyOnly(_ body: ByteBuffer) throws(GatewayError) -> Bool {
        if body.readableBytes == 0 { return false }
        let rule = GatewayError(.invalidParameter, "the body must be an object, and its ready true or false")
        var outcome = Result<Bool, GatewayError>.success(false)
        try RequestBodies.read(body) { json throws(JSONError) in
            guard try json.peek() == .object else {
                outcome = .failure(rule)
                return try json.skip()
            }
            try json.beginObject()
            while let key = try json.nextKey() {
                guard key.equals("ready") else {
                    try json.skip()
                    continue
                }
                if try json.peek() == .boolean {
                    outcome = .success(try json.boolean())
                } else {
                    outcome = try json.isNull() ? .success(false) : .failure(rule)
                }
            }
        }
        return try outcome.get()
    }
}
