import Foundation
import HTTPServer

/// Swagger UI's files, which set-up places and the repository does not hold: read once, when the gateway starts.
package struct DocumentationAssets: Sendable {
    /// The files that the page uses; none when they are not there.
    let pages: [(name: String, page: Page)]

    /// Reads the files in `folder`, or else beside the executable and where the container image has them.
    package init(folder: String?) {
        pages = folder.map { Self.pages(in: [$0]) } ?? Self.usual
    }

    private static let usual = pages(in: usualFolders)

    private static func pages(in candidates: [String]) -> [(name: String, page: Page)] {
        guard
            let folder = candidates.first(where: {
                FileManager.default.fileExists(atPath: "\($0)/swagger-ui-bundle.js")
            })
        else { return [] }
        return [
            ("swagger-ui.css", ContentType.css), ("swagger-ui-bundle.js", ContentType.script),
            ("favicon-32x32.png", "image/png"),
        ].compactMap { name, type in
            FileManager.default.contents(atPath: "\(folder)/\(name)").map { (name, Page.public([UInt8]($0), type)) }
        }
    }

    private static var usualFolders: [String] {
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let root = executable.deletingLastPathComponent().appendingPathComponent("../../..").standardized
        return [root.appendingPathComponent(".deps/share/swagger-ui").path, "/usr/share/triage/swagger-ui"]
    }
}
