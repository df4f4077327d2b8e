package import HTTPServer
package import Kafka

/// Everything that can be set about a gateway. The defaults suit one machine; ``validate()`` checks what depends on each
/// other.
package struct GatewayConfiguration: Sendable {
    // MARK: Listening

    /// The address to listen on. Only this machine reaches the default.
    package var host = "127.0.0.1"
    /// The port to listen on; 0 takes any that is free.
    package var port = 8080
    /// The certificate and key to serve HTTPS with; nil serves HTTP.
    package var tls: TLSFiles?
    /// The file of API keys; nil lets everybody in.
    package var apiKeysFile: String?
    /// The origins whose pages may call the gateway from a browser, such as `https://example.org`; `*` for all.
    package var allowedOrigins: [String] = []
    /// The folder with Swagger UI's assets; nil looks beside the executable and in `/usr/share/triage/swagger-ui`.
    package var documentationAssets: String?

    // MARK: Kafka

    /// Properties of every client; they win over the gateway's own. `bootstrap.servers` must be there.
    package var kafka: KafkaProperties = ["bootstrap.servers": "127.0.0.1:9092"]
    /// The topic of requests that somebody waits for.
    package var interactiveTopic = "sentences.interactive"
    /// The group of the workers that read it: its lag is among the metrics.
    package var interactiveGroup = "triage-interactive"
    /// The topic of the bulk lane.
    package var bulkTopic = "sentences"
    /// The topic of replies to gateways.
    package var replyTopic = "classifications.replies"
    /// The partition of the reply topic; nil derives it from `instanceID`.
    package var replyPartition: Int32?
    /// What tells this gateway from others, such as its host's name.
    package var instanceID = "gateway"

    // MARK: Answers

    /// The longest that a caller waits. A request may ask for less.
    package var requestTimeout = Duration.seconds(5)
    /// How many answers are kept; 0 keeps none and joins no requests either.
    package var cacheSize = 10_000
    /// For how long an answer is kept.
    package var cacheTimeToLive = Duration.seconds(300)
    /// How many sentences may wait for an answer; one more is turned away.
    package var maximumWaitingSentences = 16_384

    // MARK: Limits

    /// The longest sentence, in UTF-8 bytes.
    package var maximumTextBytes = 8_192
    /// The most sentences in one request.
    package var maximumBatch = 1_024
    /// The largest body, in bytes, but for streams, which have no end.
    package var maximumBodyBytes = 4 * 1_024 * 1_024
    /// The largest request head, in bytes.
    package var maximumHeaderBytes = 32 * 1_024
    /// How many connections may be open; one more is refused.
    package var maximumConnections = 16_384
    /// How long a connection may be open without a request.
    package var idleTimeout = Duration.seconds(60)
    /// How long a client may take to send a request's head.
    package var headTimeout = Duration.seconds(10)
    /// How long a client may take to send a request's body, or one line of a stream.
    package var bodyTimeout = Duration.seconds(20)
    /// How long a client may leave the response unread.
    package var writeTimeout = Duration.seconds(30)
    /// How many bytes all bodies and unsent responses may have together; over it, requests are refused.
    package var maximumHeldBytes = 64 * 1_024 * 1_024
    /// How long the end may take: what is not answered by then is cut off.
    package var shutdownTimeout = Duration.seconds(8)
    /// How many sentences of one stream may wait at a time.
    package var streamWindow = 1_024

    /// The defaults.
    package init() {}

    /// Throws a ``GatewayConfigurationError`` for the first setting that cannot be.
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

/// A setting that cannot be.
package struct GatewayConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The setting's name, as its flag has it.
    package let setting: String
    /// What is wrong with it.
    package let problem: String

    /// `SETTING PROBLEM`.
    package var description: String { "\(setting) \(problem)" }
}
