import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Admin port") struct AdminPortTests {
        @Test("the worker's admin port behaves as the standards want, whatever is sent")
        func theWorkerSAdminPortBehavesAsTheStandards() async throws {
            let stage = try Stage()
            let port = try freePort()
            let worker = try stage.startWorker(arguments: ["--admin-port", "\(port)"])
            try eventually(within: .seconds(30), "the admin port answers", details: { worker.errors }) {
                let connection = try? RawHTTPConnection(port: port)
                connection?.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n")
                return connection?.response()?.status == 200
            }
            let examples = [
                HTTPExample("GET", "/health/live"), HTTPExample("GET", "/health/ready"), HTTPExample("GET", "/metrics"),
                HTTPExample("GET", "/nothing", status: 404), HTTPExample("POST", "/metrics", status: 405),
            ]
            for example in examples {
                let problems = try await RawHTTPConnection.onThread { try HTTPOddity.check(example, port: port) }
                #expect(problems == [])
            }
            worker.signal(SIGTERM)
            #expect(try worker.wait(within: .seconds(15)) == 0, "\(worker.errors)")
        }
    }
}
