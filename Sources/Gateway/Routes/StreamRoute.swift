import HTTPTypes
import Hummingbird
import NIOCore

/// `POST /v1/classify/stream`: lines in, lines out, in order, for any number of lines in constant memory.
///
/// Two tasks share the work. One reads lines and has them classified in groups; the other waits for the oldest group and
/// writes its results. Between them lies a window of groups: when it is full, nothing more is read, and the client's
/// connection fills up until its own writing waits. So a client must read while it writes.
struct StreamRoute {
    static let path = "/v1/classify/stream"
    /// The most lines that are sent in one step.
    private static let group = 128
    private static let jsonLines = [ContentType.lines, "application/ndjson", "application/jsonl", "application/json"]

    let core: GatewayCore

    var endpoints: [Endpoint] { [Endpoint(.post, Self.path, stream)] }

    @Sendable
    private func stream(_ request: Request, _ context: GatewayContext) async throws -> Response {
        try request.head.requireContentType(Self.jsonLines + [ContentType.plainText])
        // What would refuse the whole stream is to be known before the response begins.
        _ = try request.head.deadline(default: core.configuration.requestTimeout)
        if case .unavailable(let reason) = core.exchange.availability { throw GatewayError(.unavailable, reason) }
        let isPlainText = request.head.mediaType == ContentType.plainText
        let core = core
        let channel = context.channel
        let body = ResponseBody { writer in
            let groups = max(1, core.configuration.streamWindow / Self.group)
            let window = OrderedWindow<StreamGroup>(capacity: groups)
            let watchdog = StreamWatchdog(channel: channel, limit: core.configuration.bodyTimeout)
            defer {
                watchdog.stop()
                for group in window.abandon() { group.cancel(in: core.exchange) }
            }
            let reader = StreamReader(
                core: core, request: request, isPlainText: isPlainText, groupSize: Self.group, window: window,
                watchdog: watchdog)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    defer { window.finish() }
                    try await reader.run()
                }
                while let group = await window.take() {
                    try await writer.write(await group.results(from: core.exchange))
                }
                try await tasks.waitForAll()
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: ContentType.lines], body: body)
    }
}
