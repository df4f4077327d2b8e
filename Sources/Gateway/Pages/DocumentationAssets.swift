import Foundation

/// Swagger UI's files, which set-up places and the repository does not hold: read once, when the gateway starts.
package struct DocumentationAssets: Sendable {
    struct File: Sendable {
        let name: String
        let type: String
        let bytes: [UInt8]
    }

    /// The files that the page uses; none when they are not there.
    let files: [File]

    /// Reads the files in `folder`, or else beside the executable and where the container image has them.
    package init(folder: String?) {
        let candidates = folder.map { [$0] } ?? Self.usualFolders
        let types = [
            ("swagger-ui.css", ContentType.css), ("swagger-ui-bundle.js", ContentType.script),
            ("favicon-32x32.png", "image/png"),
        ]
        let folder = candidates.first { FileManager.default.fileExists(atPath: "\($0)/swagger-ui-bundle.js") }
        files = types.compactMap { name, type in
            folder.flatMap { FileManager.default.contents(atPath: "\($0)/\(name)") }
                .map { File(name: name, type: type, bytes: [UInt8]($0)) }
        }
    }

    private static var usualFolders: [String] {
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let root = executable.deletingLastPathComponent().appendingPathComponent("../../..").standardized
        return [root.appendingPathComponent(".deps/share/swagger-ui").path, "/usr/share/triage/swagger-ui"]
    }
}
