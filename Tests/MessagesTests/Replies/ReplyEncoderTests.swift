import Foundation
import Messages
import Testing

/// A reply as a consumer would read it.
struct ReadReply: Decodable, Equatable {
    var id: String
    var label: String
    var probabilities: [String: Double]
    var model: String
}

@Suite("Encoding replies")
struct ReplyEncoderTests {
    private let encoder = ReplyEncoder(model: "starter@0123456789ab", labels: ["find-hotel", "purchase"])

    @Test("the bytes of a reply")
    func bytes() {
        #expect(
            encode(encoder, id: "r-1", [0.25, 0.75])
                == #"{"id":"r-1","label":"purchase","probabilities":{"find-hotel":0.250000,"purchase":0.750000},"model":"starter@0123456789ab"}"#
        )
        #expect(encode(encoder, id: nil, [1, 0])?.hasPrefix(#"{"id":"sentences/3/42","label":"find-hotel""#) == true)
        #expect(encode(encoder, id: nil, [1, 0])?.contains(#""find-hotel":1.000000,"purchase":0.000000"#) == true)
    }

    @Test("ids, labels and models are escaped")
    func escapes() throws {
        let encoder = ReplyEncoder(model: "m\\\"@1", labels: ["a\"b", "c\\\n", "été"])
        let json = try #require(encode(encoder, id: "\"\u{1}é\\", [0.125, 0.625, 0.25]))
        let reply = try JSONDecoder().decode(ReadReply.self, from: Data(json.utf8))
        #expect(reply.id == "\"\u{1}é\\")
        #expect(reply.label == "c\\\n")
        #expect(reply.model == "m\\\"@1")
        #expect(reply.probabilities == ["a\"b": 0.125, "c\\\n": 0.625, "été": 0.25])
    }

    @Test("the printed sum is 1 within 1e-5", arguments: [1, 2, 8, 10, 11, 100, 101, 1000, 1001, 5000, 20000])
    func sums(classes: Int) throws {
        let encoder = ReplyEncoder(model: "m@1", labels: (0..<classes).map { "class-\($0)" })
        var random = SystemRandomNumberGenerator()
        for sharpness in [0.0, 1, 8, 60] {
            let weights = (0..<classes).map { _ in exp(Double.random(in: 0...1, using: &random) * sharpness) }
            let sum = weights.reduce(0, +)
            let probabilities = weights.map { Float($0 / sum) }
            let json = try #require(encode(encoder, id: "1", probabilities))
            // Through the decoder, so that the numbers are those that are printed.
            let printed = try readProbabilities(json)
            #expect(printed.count == classes)
            #expect(abs(printed.reduce(0, +) - 1) <= 1e-5)
            for (written, meant) in zip(printed, probabilities) { #expect(abs(written - Double(meant)) < 1e-6) }
        }
    }

    private func readProbabilities(_ json: String) throws -> [Double] {
        var printed: [Double] = []
        try withBytes(of: json) { bytes in
            let decoder = ReplyDecoder()
            guard case .classification(_, _, let probabilities) = decoder.decode(value: bytes).content else { return }
            try decoder.forEachProbability(in: probabilities) { printed.append($1) }
        }
        return printed
    }

    @Test("every probability has at least six decimals, zeros included")
    func decimals() throws {
        for (classes, decimals) in [(8, 6), (50, 7), (500, 8), (5000, 9)] {
            let encoder = ReplyEncoder(model: "m@1", labels: (0..<classes).map { "c\($0)" })
            var probabilities = [Float](repeating: 0, count: classes)
            probabilities[classes - 1] = 1
            let json = try #require(encode(encoder, id: "1", probabilities))
            #expect(encoder.decimals == decimals)
            #expect(json.contains("\"c0\":0.\(String(repeating: "0", count: decimals)),"))
            #expect(json.contains("\"c\(classes - 1)\":1.\(String(repeating: "0", count: decimals))}"))
        }
    }

    @Test(
        "what is not a distribution is not encoded",
        arguments: [[.nan, 1], [0.5, 0.6], [1.5, -0.5], [.infinity, 0], [1], [0.2, 0.3, 0.5], []] as [[Float]])
    func refusesOthers(probabilities: [Float]) {
        #expect(encode(encoder, id: "1", probabilities) == nil)
    }

    @Test("what single precision adds or loses is taken out")
    func normalises() throws {
        let json = try #require(encode(encoder, id: "1", [0.4999, 0.4999]))
        #expect(json.contains(#""find-hotel":0.500000,"purchase":0.500000"#))
    }

    @Test("error replies, for every code")
    func errors() throws {
        let arena = ByteArena()
        for code in ErrorCode.allCases {
            let range = withBytes(of: "r\"1") {
                encoder.encodeError(id: $0, code: code, message: "not \"good\"\n", into: arena)
            }
            #expect(
                arena.bytes(in: range).text
                    == #"{"id":"r\"1","error":{"code":"\#(code.rawValue)","message":"not \"good\"\n"}}"#)
            #expect(withBytes(of: code.rawValue) { ErrorCode(bytes: $0) } == code)
            #expect("\(code.bytes)" == code.rawValue)
        }
        #expect(withBytes(of: "ok") { ErrorCode(bytes: $0) } == nil)
    }

    @Test("an error reply without the id is small, whatever the request was")
    func smallErrors() {
        let arena = ByteArena()
        let range = withBytes(of: "t") { topic in
            encoder.encodeError(
                id: nil, source: RecordSource(topic: topic, partition: 0, offset: 9), code: .replyTooLarge,
                message: "too large", into: arena)
        }
        #expect(
            arena.bytes(in: range).text
                == #"{"id":"t/0/9","error":{"code":"reply_too_large","message":"too large"}}"#)
    }

    @Test("replies one after the other in an arena that grows")
    func batches() throws {
        let arena = ByteArena(capacity: 64)
        var ranges: [Range<Int>] = []
        let probabilities: [Float] = [0.5, 0.5]
        for index in 0..<1000 {
            let range = withBytes(of: "id-\(index)") { id in
                probabilities.withUnsafeBufferPointer { encoder.encode(id: id, probabilities: $0, into: arena) }
            }
            ranges.append(try #require(range))
        }
        for (index, range) in ranges.enumerated() {
            let reply = try JSONDecoder().decode(ReadReply.self, from: Data(arena.bytes(in: range)))
            #expect(reply.id == "id-\(index)")
        }
    }
}
