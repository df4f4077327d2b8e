import ArgumentParser
import Gateway
import Kafka
import Logging
import Telemetry

struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Answer HTTP over the queue until SIGTERM.",
        discussion: """
            The console is at /, the documentation of the API at /docs. Start as many as you like behind a load balancer; \
            each takes its own partition of the reply topic. /health/ready is 503 while a call would not be answered, also \
            when the broker has been silent for 5 s.

              triage gateway
              triage gateway --host 0.0.0.0 --port 8443 \\
                  --tls-certificate cert.pem --tls-key key.pem --api-keys keys.txt
            """)

    @OptionGroup var general: GeneralFlags
    @OptionGroup(title: "Kafka") var kafka: KafkaFlags
    @OptionGroup(title: "Topics") var topics: TopicFlags
    @OptionGroup(title: "Gateway") var gateway: GatewayFlags

    func run() async throws {
        let settings = try SettingsReader(general: general, kafka: kafka, topics, gateway)
        let configuration = try settings.gatewayConfiguration()
        try KafkaLibrary.requireSupportedVersion()
        let logger = try settings.startLogging(label: "gateway")
        let registry = PrometheusRegistry()
        ProcessMetrics.register(in: registry)
        let service = try GatewayService(configuration: configuration, registry: registry, logger: logger)
        do {
            try await Daemon.run(service, logger: logger)
        } catch {
            throw CommandFailure(listening: error, on: configuration.host, .host, configuration.port, .port) ?? error
        }
    }
}
