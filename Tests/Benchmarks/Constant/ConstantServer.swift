import ArgumentParser
import Hummingbird

/// The limit for any gateway: Hummingbird with one route that answers the same bytes, whatever is asked.
@main
struct ConstantServer: AsyncParsableCommand {
    @Option(help: "The port on 127.0.0.1.")
    var port: Int

    func run() async throws {
        let body = ByteBuffer(
            string: #"{"find-around-me":0.01,"find-flight":0.01,"find-hotel":0.9,"find-restaurant":0.02,"#
                + #""find-train":0.01,"irrelevant":0.03,"provide-showtimes":0.01,"purchase":0.01}"#)
        let router = Router()
        router.get("/api/intent") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
        }
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)))
        try await application.runService()
    }
}
