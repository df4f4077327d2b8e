import Foundation
import Messages
import Platform
import Testing

/// What must hold for any document, good or broken. The seed of each run is printed where it fails.
@Suite("Properties of any document")
struct PropertyTests {
    private let seed = UInt64.random(in: 0...UInt64(UInt32.max))

    private let isEvent: [(String, [UInt8]?)] = [("content-type", Array("application/cloudevents+json".utf8))]

    @Test("in Base64 within a CloudEvent it means what it means by itself")
    func base64() {
        var generator = DocumentGenerator(seed: seed)
        for _ in 0..<3000 {
            let document = generator.next()
            let data = Data(document).base64EncodedString()
            let event = Array(#"{"data_base64":"\#(data)","specversion":"1.0"}"#.utf8)
            var expected = decode(document)
            expected.isCloudEvent = true
            #expect(decode(event, headers: isEvent) == expected, "seed \(seed): \(data)")
        }
    }

    @Test("an object within a CloudEvent means what it means by itself")
    func nested() {
        var generator = DocumentGenerator(seed: seed)
        var objects = 0
        for _ in 0..<3000 {
            let document = generator.next()
            var expected = decode(document)
            guard expected.code != .malformedJSON, expected.code != .invalidUTF8, document.first == UInt8(ascii: "{")
            else {
                continue
            }
            objects += 1
            expected.isCloudEvent = true
            let event = Array(#"{"id":null,"data":"#.utf8) + document + Array(#","specversion":"1.0"}"#.utf8)
            #expect(decode(event, headers: isEvent) == expected, "seed \(seed)")
        }
        #expect(objects > 500)
    }

    @Test("as plain text it is taken if it is UTF-8")
    func plainText() {
        var generator = DocumentGenerator(seed: seed)
        for _ in 0..<3000 {
            let document = generator.next()
            let outcome = decode(document, headers: [("content-type", Array("text/plain".utf8))])
            guard let text = String(validating: document, as: UTF8.self) else {
                #expect(outcome.code == .invalidUTF8, "seed \(seed)")
                continue
            }
            let isBlank = text.unicodeScalars.allSatisfy(\.properties.isWhitespace)
            #expect(outcome.code == (isBlank ? .emptyText : nil), "seed \(seed)")
            if !isBlank { #expect(outcome.text?.utf8.elementsEqual(text.utf8) == true, "seed \(seed)") }
        }
    }

    @Test("as an id it comes back in the reply, as a text it arrives")
    func roundTrip() throws {
        var generator = DocumentGenerator(seed: seed)
        let encoder = ReplyEncoder(model: "m@0123456789ab", labels: ["a", "b"])
        for _ in 0..<2000 {
            let text = String(decoding: generator.next(), as: UTF8.self)
            let reply = try #require(encode(encoder, id: text, [0.5, 0.5]))
            let read = try JSONDecoder().decode(ReadReply.self, from: Data(reply.utf8))
            #expect(read.id.utf8.elementsEqual(text.utf8), "seed \(seed)")
            let arena = ByteArena()
            let request = RequestEncoder().encode(text: text, id: text, into: arena)
            let outcome = decode(Array(arena.bytes(in: request)))
            #expect(outcome.id?.utf8.elementsEqual(text.utf8) == true, "seed \(seed)")
            #expect(outcome.code == .emptyText || outcome.text?.utf8.elementsEqual(text.utf8) == true, "seed \(seed)")
        }
    }

    @Test("read as a reply, as a CloudEvent, or with any header it breaks nothing")
    func robust() {
        var generator = DocumentGenerator(seed: seed)
        let replies = ReplyDecoder()
        for _ in 0..<3000 {
            let document = generator.next()
            withBytes(of: document) { bytes in
                let reply = replies.decode(value: bytes)
                if let id = reply.id { #expect(UTF8Validation.isValid(id), "seed \(seed)") }
                _ = TraceContext.isValid(traceparent: bytes)
                _ = Timestamp.milliseconds(of: bytes)
                replies.reset()
            }
            for name in ["content-type", "triage-deadline", "kafka_replyPartition", "ce_id", "ce_expirytime"] {
                _ = decode(document, headers: [(name, document)])
            }
            _ = decode(document, headers: isEvent)
        }
    }
}
