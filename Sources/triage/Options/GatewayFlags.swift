import ArgumentParser
import Foundation
import Gateway
import HTTPServer
import Kafka
import Messages
import Worker

/// The flags of `triage gateway` beyond those of Kafka and the topics.
struct GatewayFlags: ParsableArguments, SettingFlags {
    @Option(help: ArgumentHelp("Address to listen on. (default: 127.0.0.1)", valueName: "address"))
    var host: String?

    @Option(help: ArgumentHelp("Port to listen on; 0 takes a free one. (default: 8080)", valueName: "port"))
    var port: String?

    @Option(
        name: .customLong("instance-id"),
        help: ArgumentHelp("What tells this gateway from others. (default: host name and port)", valueName: "name"))
    var instanceID: String?

    @Option(
        help: ArgumentHelp(
            "Partition of the reply topic for this gateway. (default: derived from the instance id)",
            valueName: "number"))
    var replyPartition: String?

    @Option(
        help: ArgumentHelp(
            "Group of the workers, as they are told it; the metrics tell how far they are behind. (default: triage)",
            valueName: "name"))
    var group: String?

    @Option(
        help: ArgumentHelp(
            "Longest wait for an answer; X-Request-Timeout-Ms may shorten it. (default: 5s)", valueName: "duration"))
    var requestTimeout: String?

    @Option(help: ArgumentHelp("Answers kept in memory; 0 for no cache. (default: 10000)", valueName: "count"))
    var cacheSize: String?

    @Option(
        name: .customLong("cache-ttl"),
        help: ArgumentHelp("For how long an answer is kept. (default: 300s)", valueName: "duration"))
    var cacheTTL: String?

    @Option(
        help: ArgumentHelp(
            "Sentences that may wait for an answer; one more gets 429. (default: 16384)", valueName: "count"))
    var maxWaiting: String?

    @Option(help: ArgumentHelp("Longest sentence, in bytes of UTF-8. (default: 8192)", valueName: "bytes"))
    var maxTextBytes: String?

    @Option(help: ArgumentHelp("Most sentences in one request. (default: 1024)", valueName: "count"))
    var maxBatch: String?

    @Option(help: ArgumentHelp("Sentences of one stream under way at a time. (default: 1024)", valueName: "count"))
    var streamWindow: String?

    @Option(help: ArgumentHelp("Largest body of a request. (default: 4194304)", valueName: "bytes"))
    var maxBodyBytes: String?

    @Option(help: ArgumentHelp("Largest head of a request. (default: 32768)", valueName: "bytes"))
    var maxHeaderBytes: String?

    @Option(
        help: ArgumentHelp(
            "Most bytes of all bodies and unsent responses together; over it requests get 503. (default: 67108864)",
            valueName: "bytes"))
    var maxHeldBytes: String?

    @Option(
        help: ArgumentHelp(
            "Connections open at a time; one more gets 503. At most the limit of open files less a reserve. (default: 16384)",
            valueName: "count"))
    var maxConnections: String?

    @Option(help: ArgumentHelp("Close a connection that is idle for this long. (default: 60s)", valueName: "duration"))
    var idleTimeout: String?

    @Option(help: ArgumentHelp("Longest time to send a request's head. (default: 10s)", valueName: "duration"))
    var headTimeout: String?

    @Option(
        help: ArgumentHelp("Longest time to send a body, or a line of a stream. (default: 20s)", valueName: "duration"))
    var bodyTimeout: String?

    @Option(help: ArgumentHelp("Longest time to leave a response unread. (default: 30s)", valueName: "duration"))
    var writeTimeout: String?

    @Option(
        help: ArgumentHelp(
            "Longest time to finish requests at the end; the rest is cut off. (default: 8s)", valueName: "duration"))
    var shutdownTimeout: String?

    @Option(
        help: ArgumentHelp("File of API keys (see 'triage keys'); without it no key is required.", valueName: "file"))
    var apiKeys: String?

    @Option(
        help: ArgumentHelp(
            "PEM file of the certificate and its chain; with --tls-key it serves HTTPS.", valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("PEM file of the private key.", valueName: "file"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("Origins whose pages may call; * for all. (default: none)", valueName: "origin,…"))
    var corsOrigins: String?

    @Option(help: ArgumentHelp("Folder of Swagger UI's assets for /docs.", valueName: "folder"))
    var docsAssets: String?
}

extension SettingsReader {
    /// Reads the gateway's settings; unset ones keep their defaults.
    func gatewayConfiguration() throws -> GatewayConfiguration {
        var configuration = GatewayConfiguration()
        let topics = try topicNames()
        configuration.kafka = try kafkaProperties()
        configuration.interactiveTopic = topics.interactive
        configuration.bulkTopic = topics.requests
        configuration.replyTopic = topics.gatewayReplies
        configuration.interactiveGroup = try workerGroups().interactive
        configuration.host = try text(.host) ?? configuration.host
        configuration.port = try integer(.port, in: 0...65_535) ?? configuration.port
        configuration.instanceID =
            try text(.instanceID) ?? "\(ProcessInfo.processInfo.hostName):\(configuration.port)"
        configuration.replyPartition = try integer(.replyPartition, in: 0...100_000).map { Int32($0) }
        configuration.requestTimeout = try duration(.requestTimeout) ?? configuration.requestTimeout
        configuration.cacheSize = try integer(.cacheSize, in: 0...100_000_000) ?? configuration.cacheSize
        configuration.cacheTimeToLive = try duration(.cacheTTL) ?? configuration.cacheTimeToLive
        configuration.apiKeysFile = try text(.apiKeys)
        configuration.allowedOrigins = try list(.corsOrigins) ?? configuration.allowedOrigins
        configuration.documentationAssets = try text(.docsAssets)
        configuration.tls = try gatewayTLS()
        try readLimits(into: &configuration)
        return configuration
    }

    private func gatewayTLS() throws -> TLSFiles? {
        switch (try text(.tlsCertificate), try text(.tlsKey)) {
        case (nil, nil): nil
        case (let certificate?, let key?): TLSFiles(certificate: certificate, privateKey: key)
        default: throw CommandFailure.usage("--tls-certificate and --tls-key go together")
        }
    }

    private func readLimits(into configuration: inout GatewayConfiguration) throws {
        let count = 1...100_000_000
        configuration.maximumWaitingSentences =
            try integer(.maxWaiting, in: count) ?? configuration.maximumWaitingSentences
        configuration.maximumTextBytes = try integer(.maxTextBytes, in: 1...1_000_000) ?? configuration.maximumTextBytes
        configuration.maximumBatch = try integer(.maxBatch, in: count) ?? configuration.maximumBatch
        configuration.streamWindow = try integer(.streamWindow, in: count) ?? configuration.streamWindow
        configuration.maximumBodyBytes = try integer(.maxBodyBytes, in: count) ?? configuration.maximumBodyBytes
        configuration.maximumHeaderBytes = try integer(.maxHeaderBytes, in: count) ?? configuration.maximumHeaderBytes
        configuration.maximumConnections = try integer(.maxConnections, in: count) ?? configuration.maximumConnections
        configuration.idleTimeout = try duration(.idleTimeout) ?? configuration.idleTimeout
        configuration.headTimeout = try duration(.headTimeout) ?? configuration.headTimeout
        configuration.bodyTimeout = try duration(.bodyTimeout) ?? configuration.bodyTimeout
        configuration.writeTimeout = try duration(.writeTimeout) ?? configuration.writeTimeout
        configuration.shutdownTimeout = try duration(.shutdownTimeout) ?? configuration.shutdownTimeout
        configuration.maximumHeldBytes = try integer(.maxHeldBytes, in: count) ?? configuration.maximumHeldBytes
    }
}
