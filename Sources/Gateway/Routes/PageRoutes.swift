import Foundation
import HTTPServer
import NIOHTTP1

/// The console, the documentation and the specification: for everybody, since they say nothing secret.
struct PageRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        let docs = core.assets.pages.isEmpty ? Self.docsWithoutAssets : Self.docs
        return Self.pages.map { Self.endpoint($0.path, $0.page) } + [Self.endpoint("/docs", docs)]
            + core.assets.pages.map { Self.endpoint("/docs/\($0.name)", $0.page) }
    }

    // Made once in a process: compressing them takes a while.
    private static let pages: [(path: String, page: Page)] = [
        ("/", .public(PackageResources.console_html, ContentType.html)),
        ("/console/console.css", .public(PackageResources.console_css, ContentType.css)),
        ("/console/console.js", .public(PackageResources.console_js, ContentType.script)),
        ("/console/icon.svg", .public(PackageResources.icon_svg, "image/svg+xml")),
        ("/docs/docs.css", .public(PackageResources.docs_css, ContentType.css)),
        ("/docs/docs.js", .public(PackageResources.docs_js, ContentType.script)),
        ("/openapi.json", .public(PackageResources.openapi_json, ContentType.json)),
    ]
    private static let docs = Page.public(PackageResources.docs_html, ContentType.html)
    private static let docsWithoutAssets = Page.public(PackageResources.docs_missing_html, ContentType.html)

    private static func endpoint(_ path: String, _ page: Page) -> Endpoint {
        Endpoint(
            .GET, path, for: .everybody, .immediate { request throws(GatewayError) in page.response(to: request) })
    }
}

extension Page {
    /// A page for everybody, kept to itself.
    static func `public`(_ bytes: [UInt8], _ type: String) -> Page {
        Page(type: type, bytes: bytes, headers: PageHeaders.all)
    }
}

/// What keeps the pages to themselves: nothing from other origins, nothing inline, no frames around them.
enum PageHeaders {
    static let all: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            [
                "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
                "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
            ].joined(separator: "; ")
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-cache"),
    ]
}

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
