package import HTTPServer
package import Kafka

/// The gateway's settings. The defaults suit a single machine. ``validate()`` checks values and how they relate.
package struct GatewayConfiguration: Sendable {
    // MARK: Listening

    /// The address to listen on. The default is reachable from this machine only.
    package var host = "127.0.0.1"
    /// The port to listen on; 0 picks a free one.
    package var port = 8080
    /// The certificate and key for HTTPS; nil serves plain HTTP.
    package var tls: TLSFiles?
    /// The file of API keys; nil disables authentication.
    package var apiKeysFile: String?
    /// The CORS origins that may call the gateway, such as `https://example.org`; `*` for all.
    package var allowedOrigins: [String] = []
    /// The folder with Swagger UI's assets; nil looks in the checkout's `.deps` and in `/usr/share/triage/swagger-ui`.
    package var documentationAssets: String?

    // MARK: Kafka

    /// Properties of every Kafka client. They override the gateway's own. `bootstrap.servers` is required.
    package var kafka: KafkaProperties = ["bootstrap.servers": "127.0.0.1:9092"]
    /// The topic of requests with a waiting caller.
    package var interactiveTopic = "sentences.interactive"
    /// The consumer group of the workers on that topic. Its lag is exported as a metric.
    package var interactiveGroup = "triage-interactive"
    /// The topic of the bulk lane.
    package var bulkTopic = "sentences"
    /// The topic of replies to gateways.
    package var replyTopic = "classifications.replies"
    /// The partition of the reply topic; nil derives it from `instanceID`.
    package var replyPartition: Int32?
    /// Identifies this gateway among others, such as its host name.
    package var instanceID = "gateway"

    // MARK: Answers

    /// The longest time that a caller waits. A request may ask for less.
    package var requestTimeout = Duration.seconds(5)
    /// The maximum number of cached answers; 0 disables the cache and the coalescing of requests.
    package var cacheSize = 10_000
    /// How long an answer is cached.
    package var cacheTimeToLive = Duration.seconds(300)
    /// The maximum number of sentences waiting for an answer. More are refused.
    package var maximumWaitingSentences = 16_384

    // MARK: Limits

    /// The longest sentence, in UTF-8 bytes.
    package var maximumTextBytes = 8_192
    /// The maximum number of sentences in one request.
    package var maximumBatch = 1_024
    /// The largest body, in bytes. Streams are not limited.
    package var maximumBodyBytes = 4 * 1_024 * 1_024
    /// The largest request head, in bytes.
    package var maximumHeaderBytes = 32 * 1_024
    /// The maximum number of open connections. More are refused.
    package var maximumConnections = 16_384
    /// How long a connection may stay idle between requests.
    package var idleTimeout = Duration.seconds(60)
    /// How long a client may take to send a request's head.
    package var headTimeout = Duration.seconds(10)
    /// How long a client may take to send a request's body, or one line of a stream.
    package var bodyTimeout = Duration.seconds(20)
    /// How long a client may take to read a response.
    package var writeTimeout = Duration.seconds(30)
    /// The memory limit for all bodies and unsent responses together, in bytes. Above it, requests are refused.
    package var maximumHeldBytes = 64 * 1_024 * 1_024
    /// How long a graceful shutdown may take. Requests that are still unanswered are cut off.
    package var shutdownTimeout = Duration.seconds(8)
    /// The maximum number of sentences of one stream in flight.
    package var streamWindow = 1_024

    /// Creates the default configuration.
    package init() {}

    /// Throws a ``GatewayConfigurationError`` for the first invalid setting.
    package func validate() throws(GatewayConfigurationError) {
        try require((0...65_535).contains(port), "port", "must be between 0 and 65535")
        try require(kafka["bootstrap.servers"]?.isEmpty == false, "bootstrap-servers", "must name a broker")
        try require(!instanceID.isEmpty, "instance-id", "must not be empty")
        try require(requestTimeout >= .milliseconds(1), "request-timeout", "must be at least 1 ms")
        try require(cacheSize >= 0, "cache-size", "must not be negative")
        try require(cacheTimeToLive > .zero, "cache-ttl", "must be positive")
        try require(maximumTextBytes >= 1, "max-text-bytes", "must be positive")
        try require(maximumBatch >= 1, "max-batch", "must be positive")
        try require(
            maximumWaitingSentences >= maximumBatch, "max-waiting",
            "must be at least max-batch (\(maximumBatch)), or full batches could never be admitted")
        try require(streamWindow >= 1, "stream-window", "must be positive")
        try require(maximumBodyBytes >= maximumTextBytes, "max-body-bytes", "must be at least max-text-bytes")
        try require(
            maximumHeldBytes >= maximumBodyBytes * 2, "max-held-bytes",
            "must be at least twice max-body-bytes (\(maximumBodyBytes))")
        try require(maximumHeaderBytes >= 1_024, "max-header-bytes", "must be at least 1024")
        try require(maximumConnections >= 1, "max-connections", "must be positive")
        for (name, timeout) in [
            ("idle-timeout", idleTimeout), ("head-timeout", headTimeout), ("body-timeout", bodyTimeout),
            ("write-timeout", writeTimeout), ("shutdown-timeout", shutdownTimeout),
        ] {
            try require(timeout > .zero, name, "must be positive")
        }
        if let replyPartition { try require(replyPartition >= 0, "reply-partition", "must not be negative") }
        let topics = [interactiveTopic, bulkTopic, replyTopic]
        try require(Set(topics).count == topics.count, "topics", "must differ from each other")
    }

    private func require(
        _ condition: Bool, _ setting: String, _ problem: String
    ) throws(GatewayConfigurationError) {
        if !condition { throw GatewayConfigurationError(setting: setting, problem: problem) }
    }
}

/// An invalid setting.
package struct GatewayConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The setting's name, as in its flag.
    package let setting: String
    /// What is wrong with it.
    package let problem: String

    /// The setting's name and the problem.
    package var description: String { "\(setting) \(problem)" }
}
