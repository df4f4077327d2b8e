import Foundation

/// The files of `schemas/`.
enum Schemas {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../schemas").standardizedFileURL

    /// The bytes of a file.
    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(path)))
    }

    /// The text of a file.
    static func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }

    /// A file that holds a JSON object.
    static func object(_ path: String) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(try bytes(path)))
        return try unwrap(object as? [String: Any], "\(path) is not an object")
    }

    /// The paths of the samples in a folder, in order.
    static func samples(_ kind: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: folder.appendingPathComponent("samples/\(kind)").path)
        return (names ?? []).filter { $0.hasSuffix(".json") }.sorted().map { "samples/\(kind)/\($0)" }
    }

    static func unwrap<Value>(_ value: Value?, _ problem: String) throws -> Value {
        guard let value else { throw Problem(description: problem) }
        return value
    }

    struct Problem: Error, CustomStringConvertible {
        var description: String
    }
}

/// `base64:…` or text, as samples of records write bytes.
func sampleBytes(_ text: String) -> [UInt8] {
    guard text.hasPrefix("base64:") else { return Array(text.utf8) }
    return Array(Data(base64Encoded: String(text.dropFirst(7))) ?? Data())
}
