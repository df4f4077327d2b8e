import Foundation
import HTTPServer
import NIOCore
import TestSupport
import Testing

/// Compressed bodies, in either direction.
@Suite("Content codings", .timeLimit(.minutes(1)))
struct ContentCodingTests {
    private static let text = Array(String(repeating: "un train pour Lyon demain matin ", count: 100).utf8)

    private static func compressed(_ coding: ContentCoding, _ bytes: [UInt8] = text) -> [UInt8] {
        Array(ByteBuffer(bytes: bytes).compressed(coding, level: 6)?.readableBytesView ?? ByteBufferView())
    }

    /// What another program's zlib wrote: `python3 -c 'import gzip; gzip.compress(b"un train", mtime=0)'`, and so on.
    private static let foreign: [(coding: String, bytes: [UInt8])] = [
        (
            "gzip",
            [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 43, 205, 83, 40, 41, 74, 204, 204, 3, 0, 173, 97, 243, 199, 8, 0, 0, 0]
        ),
        ("deflate", [120, 156, 43, 205, 83, 40, 41, 74, 204, 204, 3, 0, 13, 225, 3, 34]),
        ("deflate", [43, 205, 83, 40, 41, 74, 204, 204, 3, 0]),
    ]

    @Test("reads what others compressed") func readsWhatOthersCompressed() async throws {
        try await TestServer.run { server in
            for (coding, bytes) in Self.foreign {
                let connection = try RawHTTPConnection(port: server.port)
                connection.post("/echo", bytes, "Content-Encoding: \(coding)\r\n")
                let response = connection.response()
                #expect(response?.status == 200)
                #expect(response?.body == Array("un train".utf8))
            }
        }
    }

    @Test("reads compressed bodies and streams", arguments: ["gzip", "x-gzip", "GZIP", "deflate", "identity", ""])
    func readsCompressedBodiesAndStreams(name: String) async throws {
        let coding = ContentCoding(rawValue: name == "x-gzip" || name == "GZIP" ? "gzip" : name)
        let sent = coding.map { Self.compressed($0) } ?? Self.text
        try await TestServer.run { server in
            for path in ["/echo", "/stream"] {
                let connection = try RawHTTPConnection(port: server.port)
                connection.post(path, sent, "Content-Encoding: \(name)\r\n")
                let response = connection.response()
                #expect(response?.status == 200, "\(path)")
                #expect(response?.body == Self.text, "\(path)")
            }
        }
    }

    @Test("refuses other codings by name", arguments: ["br", "zstd", "compress", "gzip, gzip", "deflate, gzip"])
    func refusesOtherCodingsByName(name: String) async throws {
        try await TestServer.run { server in
            for path in ["/echo", "/stream"] {
                let connection = try RawHTTPConnection(port: server.port)
                connection.post(path, Self.text, "Content-Encoding: \(name)\r\n")
                let response = connection.response()
                #expect(response?.status == 415)
                #expect(response?.field("accept-encoding") == "gzip, deflate")
            }
        }
    }

    @Test("counts the limit after decompressing") func countsTheLimitAfterDecompressing() async throws {
        let bomb = Self.compressed(.gzip, [UInt8](repeating: 0, count: 50_000_000))
        #expect(bomb.count < 100_000)
        try await TestServer.run({ $0.maximumBodyBytes = 100_000 }) { server in
            let connection = try RawHTTPConnection(port: server.port)
            connection.post("/echo", bomb, "Content-Encoding: gzip\r\n")
            #expect(connection.response()?.status == 413)
            let other = try RawHTTPConnection(port: server.port)
            let most = [UInt8](repeating: 7, count: 100_000)
            other.post("/echo", Self.compressed(.gzip, most), "Content-Encoding: gzip\r\n")
            #expect(other.response()?.body == most)
        }
    }

    @Test("refuses what is not compressed as it says") func refusesWhatIsNotCompressedAsItSays() async throws {
        let whole = Self.compressed(.gzip)
        let broken = [
            Self.text, Array(whole.dropLast(9)), whole + [1, 2, 3], Array(whole.prefix(12)) + [0xFF, 0xFF, 0xFF], [],
        ]
        try await TestServer.run { server in
            for (index, body) in broken.enumerated() {
                let connection = try RawHTTPConnection(port: server.port)
                connection.post("/echo", body, "Content-Encoding: gzip\r\n")
                #expect(connection.response()?.status == 400, "\(index)")
            }
        }
    }

    @Test(
        "compresses for those who accept it",
        arguments: [
            ("gzip", "gzip"), ("deflate", "deflate"), ("gzip, deflate, br", "gzip"), ("*", "gzip"), ("gzip;q=0", nil),
            ("gzip;q=0, deflate;q=0.5", "deflate"), ("deflate;q=1, gzip;q=0.2", "deflate"), ("br", nil), ("", nil),
            ("identity", nil), ("GZIP", "gzip"),
        ])
    func compressesForThoseWhoAcceptIt(accepted: String, coding: String?) async throws {
        try await TestServer.run { server in
            let connection = try RawHTTPConnection(port: server.port)
            connection.post("/echo", Self.text, "Accept-Encoding: \(accepted)\r\n")
            let response = try #require(connection.response())
            #expect(response.status == 200)
            #expect(response.field("content-encoding") == coding)
            #expect(response.field("vary") == "Accept-Encoding")
            let plain = coding.flatMap { ContentCoding(rawValue: $0) }.map { Self.compressedQuickly($0) } ?? Self.text
            #expect(response.body == plain)
            // Small ones are not worth it.
            connection.post("/echo", Array("un train".utf8), "Accept-Encoding: \(accepted)\r\n")
            #expect(connection.response()?.body == Array("un train".utf8))
        }
    }

    private static func compressedQuickly(_ coding: ContentCoding) -> [UInt8] {
        Array(ByteBuffer(bytes: text).compressed(coding, level: 1)?.readableBytesView ?? ByteBufferView())
    }

    @Test("sends a page only to those who do not have it") func sendsAPageOnlyToThoseWhoDoNotHaveIt() async throws {
        try await TestServer.run { server in
            let connection = try RawHTTPConnection(port: server.port)
            var tags: Set<String> = []
            for coding in ["gzip", "identity"] {
                connection.get("/page", "Accept-Encoding: \(coding)\r\n")
                let page = try #require(connection.response())
                #expect(page.field("content-encoding") == (coding == "gzip" ? "gzip" : nil))
                let tag = try #require(page.field("etag"))
                tags.insert(tag)
                connection.get("/page", "Accept-Encoding: \(coding)\r\nIf-None-Match: \"other\", W/\(tag)\r\n")
                let other = try #require(connection.response())
                #expect(other.status == 304)
                #expect(other.body.isEmpty)
                #expect(other.field("etag") == tag)
            }
            #expect(tags.count == 2)
        }
    }
}
