import Foundation

/// Swagger UI's files, which set-up places and the repository does not hold.
package struct DocumentationAssets: Sendable {
    /// The folder that has them; nil when none does.
    let folder: String?

    /// Looks for the files in `folder`, or else beside the executable and where the container image has them.
    package init(folder: String?) {
        let candidates = folder.map { [$0] } ?? Self.usualFolders
        self.folder = candidates.first { FileManager.default.fileExists(atPath: "\($0)/swagger-ui-bundle.js") }
    }

    /// One file's bytes and type; nil when there is no such file. Only the names that the page uses are served.
    func file(_ name: String) -> (bytes: [UInt8], type: String)? {
        let types = [
            "swagger-ui.css": ContentType.css, "swagger-ui-bundle.js": ContentType.script,
            "favicon-32x32.png": "image/png",
        ]
        guard let folder, let type = types[name], let data = FileManager.default.contents(atPath: "\(folder)/\(name)")
        else { return nil }
        return ([UInt8](data), type)
    }

    private static var usualFolders: [String] {
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let root = executable.deletingLastPathComponent().appendingPathComponent("../../..").standardized
        return [root.appendingPathComponent(".deps/share/swagger-ui").path, "/usr/share/triage/swagger-ui"]
    }
}
