import HTTPTypes
import Hummingbird
import NIOCore

/// The console, the documentation and the specification: for everybody, since they say nothing secret.
struct PageRoutes {
    let core: GatewayCore

    var endpoints: [Endpoint] {
        [
            Self.page("/", PackageResources.console_html, ContentType.html),
            Self.page("/console/console.css", PackageResources.console_css, ContentType.css),
            Self.page("/console/console.js", PackageResources.console_js, ContentType.script),
            Self.page("/console/icon.svg", PackageResources.icon_svg, "image/svg+xml"),
            core.assets.folder == nil
                ? Self.page("/docs", PackageResources.docs_missing_html, ContentType.html)
                : Self.page("/docs", PackageResources.docs_html, ContentType.html),
            Self.page("/docs/docs.js", PackageResources.docs_js, ContentType.script),
            Endpoint(.get, "/docs/{file}", for: .everybody, asset),
            Self.page("/openapi.json", PackageResources.openapi_json, ContentType.json),
        ]
    }

    @Sendable
    private func asset(_ request: Request, _ context: GatewayContext) async throws -> Response {
        guard let name = context.parameters.get("file"), let file = core.assets.file(name) else {
            throw GatewayError(.notFound, "there is no such file")
        }
        return Response(headers: PageHeaders.all, type: file.type, bytes: file.bytes)
    }

    private static func page(_ path: String, _ bytes: [UInt8], _ type: String) -> Endpoint {
        let body = ByteBuffer(bytes: bytes)
        return Endpoint(.get, path, for: .everybody) { _, _ in
            Response(type: type, body: body, headers: PageHeaders.all)
        }
    }
}

/// What keeps the pages to themselves: nothing from other origins, nothing inline, no frames around them.
enum PageHeaders {
    static let all: HTTPFields = [
        .contentSecurityPolicy: [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
            "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        ].joined(separator: "; "),
        .xContentTypeOptions: "nosniff",
        .referrerPolicy: "no-referrer",
        .cacheControl: "no-cache",
    ]
}

extension Response {
    fileprivate init(headers: HTTPFields, type: String, bytes: [UInt8]) {
        self.init(type: type, body: ByteBuffer(bytes: bytes), headers: headers)
    }
}
