import HTTPServer
import NIOHTTP1

/// The console, the documentation and the specification: for everybody, since they say nothing secret.
struct PageRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Self.page("/", PackageResources.console_html, ContentType.html),
            Self.page("/console/console.css", PackageResources.console_css, ContentType.css),
            Self.page("/console/console.js", PackageResources.console_js, ContentType.script),
            Self.page("/console/icon.svg", PackageResources.icon_svg, "image/svg+xml"),
            core.assets.files.isEmpty
                ? Self.page("/docs", PackageResources.docs_missing_html, ContentType.html)
                : Self.page("/docs", PackageResources.docs_html, ContentType.html),
            Self.page("/docs/docs.css", PackageResources.docs_css, ContentType.css),
            Self.page("/docs/docs.js", PackageResources.docs_js, ContentType.script),
            Self.page("/openapi.json", PackageResources.openapi_json, ContentType.json),
        ] + core.assets.files.map { Self.page("/docs/\($0.name)", $0.bytes, $0.type) }
    }

    private static func page(_ path: String, _ bytes: [UInt8], _ type: String) -> Endpoint {
        let page = Page(type: type, bytes: bytes, headers: PageHeaders.all)
        return Endpoint(
            .GET, path, for: .everybody, .immediate { request throws(GatewayError) in page.response(to: request) })
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
