import Foundation
import HTTPServer
import NIOHTTP1

/// The console, the documentation and the OpenAPI document. They contain no secrets and need no API key.
struct PageRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        let docs = core.assets.pages.isEmpty ? Self.docsWithoutAssets : Self.docs
        return Self.pages.map { Self.endpoint($0.path, $0.page) } + [Self.endpoint("/docs", docs)]
            + core.assets.pages.map { Self.endpoint("/docs/\($0.name)", $0.page) }
    }

    // Created once per process, because compressing them takes a while.
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
    /// A page that needs no API key, with restrictive security headers.
    static func `public`(_ bytes: [UInt8], _ type: String) -> Page {
        Page(type: type, bytes: bytes, headers: PageHeaders.all)
    }
}

/// Security headers of all pages: same-origin resources only, nothing inline, no framing.
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

/// Swagger UI's files, read once at startup. They are installed by the setup and not part of the repository.
package struct DocumentationAssets: Sendable {
    /// The files that the page uses; empty if they are not installed.
    let pages: [(name: String, page: Page)]

    /// Reads the files in `folder`, or in the checkout's `.deps` or the container image's folder.
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
