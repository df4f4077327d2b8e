import Foundation
import Gateway
import GatewayTestSupport
import HTTPServer
import HTTPTypes
import NIOCore
import NIOHTTP1
import Telemetry
import Testing

/// Holds the routes and the specification against each other.
@Suite("Specification")
struct SpecificationTests {
    private let specification: [String: Any]
    private let root: URL
    private var paths: [String: [String: Any]] { specification["paths"] as? [String: [String: Any]] ?? [:] }

    init() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        root = folder.deletingLastPathComponent()
        let file = root.appendingPathComponent("schemas/openapi.json")
        specification = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    /// What the pages need and nobody calls.
    private let parts: Set = [
        "/console/console.css", "/console/console.js", "/console/icon.svg", "/docs/docs.css", "/docs/docs.js",
        "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/favicon-32x32.png",
    ]
    private let methods: Set = ["get", "put", "post", "delete", "options", "head", "patch", "trace"]

    @Test("has every route and no other") func hasEveryRouteAndNoOther() {
        let served = Set(
            TestGateway().core.routeDescriptions.filter { !parts.contains($0.path) }
                .map { "\($0.method.lowercased()) \($0.path)" })
        let specified = Set(
            paths.flatMap { path, item in item.keys.filter(methods.contains).map { "\($0) \(path)" } })
        #expect(served == specified)
    }

    @Test("says which routes need a key") func saysWhichRoutesNeedAKey() throws {
        for endpoint in TestGateway().core.routeDescriptions where !parts.contains(endpoint.path) {
            let item = paths[endpoint.path]?[endpoint.method.lowercased()] as? [String: Any]
            let security = try #require(item?["security"] as? [Any])
            #expect(security.isEmpty == !endpoint.needsKey, "\(endpoint.path)")
            let responses = try #require(item?["responses"] as? [String: Any])
            #expect((responses["401"] != nil) == endpoint.needsKey, "\(endpoint.path)")
        }
    }

    @Test("is served as it is kept") func isServedAsItIsKept() async throws {
        let response = try await TestGateway().application.test(.router) { client in
            try await client.executeRequest(uri: "/openapi.json", method: .get, headers: [:], body: nil)
        }
        let served = try JSONSerialization.jsonObject(with: Data(response.body.readableBytesView))
        #expect(served as? NSDictionary == specification as NSDictionary)
    }

    @Test("tells the programs version as all others do") func tellsTheProgramsVersionAsAllOthersDo() throws {
        let version = ProgramVersion.number
        #expect((specification["info"] as? [String: Any])?["version"] as? String == version)
        let server = paths["/v2"]?["get"] as? [String: Any]
        let text = String(decoding: try JSONSerialization.data(withJSONObject: try #require(server)), as: UTF8.self)
        #expect(text.contains(#""version":"\#(version)""#))
        for (file, line) in [
            ("schemas/asyncapi.yaml", "\n  version: \(version)\n"),
            ("compose/Dockerfile", "org.opencontainers.image.version=\"\(version)\"\n"),
            ("compose/compose.yaml", "\n  image: ${TRIAGE_IMAGE:-triage:\(version)}\n"),
            ("compose/OPERATIONS.md", "\nFROM triage:\(version)\n"),
            ("compose/kubernetes/base/kustomization.yaml", "newTag: \"\(version)\"}\n"),
            ("compose/kubernetes/lanes/kustomization.yaml", "newTag: \"\(version)\"}\n"),
        ] {
            let text = try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8)
            #expect(text.contains(line), "\(file) does not say \(version)")
        }
    }

    @Test("the console says every problem in French too") func theConsoleSaysEveryProblemInFrenchToo() async throws {
        let response = try await TestGateway().application.test(.router) { client in
            try await client.executeRequest(uri: "/console/console.js", method: .get, headers: [:], body: nil)
        }
        let script = String(buffer: response.body)
        let problems = try #require(script.components(separatedBy: "const problems = {").last)
        // What the server refuses by itself before a route is asked, and a browser can bring about.
        let ofTheServer = [
            "malformed_request", "head_too_large", "request_timeout", "too_many_bytes", "too_many_connections",
        ]
        for code in ProblemCode.allCases.map(\.rawValue) + ofTheServer {
            #expect(problems.contains("\n    \(code): \""), "\(code) has no French text")
        }
    }

    /// What the server refuses in the name of routes that take a body.
    private let ofServer: [Problem] = [.corruptBody, .unsupportedContentCoding, .bodyTooSlow, .noMemory]

    @Test("has every problem under its status") func hasEveryProblemUnderItsStatus() throws {
        var found: [String: Set<Int>] = [:]
        for (status, response) in problemResponses() where status >= 400 {
            let contents = response["content"] as? [String: [String: Any]]
            // Clients of the Open Inference Protocol read nothing but plain JSON.
            let content = contents?["application/problem+json"] ?? contents?["application/json"]
            for (code, example) in content?["examples"] as? [String: [String: Any]] ?? [:] {
                let value = try #require(resolved(example, among: "examples")["value"] as? [String: Any])
                #expect(value["code"] as? String == code)
                #expect(value["status"] as? Int == status)
                let ofRoutes = ProblemCode(rawValue: code)?.title
                let title = ofRoutes ?? ofServer.first { $0.code == code }?.title
                #expect(title != nil, "\(code) is no problem")
                #expect(value["title"] as? String == title)
                found[code, default: []].insert(status)
            }
        }
        // These belong to no route: to paths that do not exist, methods that are not allowed, and callers who are gone.
        let elsewhere: Set<ProblemCode> = [.notFound, .methodNotAllowed, .cancelled]
        for code in ProblemCode.allCases where !elsewhere.contains(code) {
            #expect(found[code.rawValue] == [Int(code.status.code)], "\(code)")
        }
        for problem in ofServer {
            #expect(found[problem.code] == [Int(problem.status.code)], "\(problem.code)")
        }
    }

    @Test("shows an example of every success") func showsAnExampleOfEverySuccess() throws {
        for (path, item) in paths {
            for (method, operation) in item where methods.contains(method) {
                let responses = (operation as? [String: Any])?["responses"] as? [String: [String: Any]] ?? [:]
                for (status, response) in responses where status.hasPrefix("2") {
                    let contents = response["content"] as? [String: [String: Any]] ?? [:]
                    for (type, content) in contents where type != "application/octet-stream" {
                        #expect(content["examples"] != nil, "\(method) \(path) \(status) \(type)")
                    }
                }
            }
        }
    }

    /// Of unions generators make what cannot be compiled, or what throws away what it was sent; arrays of they know not
    /// what, and properties of several types, they leave out or take for unions.
    @Test("has nothing that generators cannot read") func hasNothingThatGeneratorsCannotRead() throws {
        var wrong: [String] = []
        func check(_ value: Any, at pointer: String) {
            if let array = value as? [Any] {
                for (index, element) in array.enumerated() { check(element, at: "\(pointer)/\(index)") }
            }
            guard let object = value as? [String: Any] else { return }
            for union in ["anyOf", "oneOf"] where object[union] != nil && object["discriminator"] == nil {
                wrong.append("\(pointer)/\(union) has no discriminator")
            }
            let types = (object["type"] as? [String] ?? [object["type"] as? String].compactMap(\.self))
                .filter { $0 != "null" }
            if types.count > 1 { wrong.append("\(pointer) has several types") }
            if types == ["array"], object["items"] == nil { wrong.append("\(pointer) has no items") }
            // Generators pass over conditions, which are for those who check.
            let passedOver: Set = ["example", "examples", "not", "if", "then", "else"]
            for (key, element) in object where !passedOver.contains(key) {
                check(element, at: "\(pointer)/\(key)")
            }
        }
        check(specification, at: "")
        #expect(wrong == [])
    }

    @Test("says which routes understand which fields") func saysWhichRoutesUnderstandWhichFields() throws {
        let understood = ["X-Request-Timeout-Ms", "Cache-Control", "traceparent", "tracestate"]
        let fields = [
            "/api/intent": understood, "/v1/classify": understood, "/v1/classify/batch": understood,
            "/v1/classify/stream": understood,
            "/v1/sentences": understood.filter { $0 != "Cache-Control" },
            "/v2/models/{model}/infer": understood + ["Inference-Header-Content-Length"],
            "/v2/models/{model}/versions/{version}/infer": understood + ["Inference-Header-Content-Length"],
        ]
        for (path, item) in paths {
            for (method, operation) in item where methods.contains(method) {
                let parameters = (operation as? [String: Any])?["parameters"] as? [[String: Any]] ?? []
                let headers = parameters.map { resolved($0, among: "parameters") }
                    .filter { $0["in"] as? String == "header" }
                #expect(headers.compactMap { $0["name"] as? String } == fields[path] ?? [], "\(method) \(path)")
            }
        }
    }

    /// The object itself, or the component that it refers to.
    private func resolved(_ object: [String: Any], among kind: String) -> [String: Any] {
        guard let name = (object["$ref"] as? String)?.split(separator: "/").last else { return object }
        let components = specification["components"] as? [String: [String: [String: Any]]]
        return components?[kind]?[String(name)] ?? [:]
    }

    private func problemResponses() -> [(Int, [String: Any])] {
        var found: [(Int, [String: Any])] = []
        for item in paths.values {
            for (method, operation) in item where methods.contains(method) {
                let responses = (operation as? [String: Any])?["responses"] as? [String: [String: Any]] ?? [:]
                for (status, response) in responses {
                    found.append((Int(status) ?? 0, resolved(response, among: "responses")))
                }
            }
        }
        return found
    }
}
