import CRdKafka
import Foundation
import Logging
import Synchronization

/// Handles librdkafka's events outside of calls: log lines, errors, statistics, rebalances.
///
/// It is librdkafka's opaque pointer, from before the client exists until after its last callback.
final class ClientEvents: @unchecked Sendable {  // One thread at a time uses `consumer`; the rest is Sendable.
    private struct State {
        /// Why a connection last failed, and whether that was logged.
        var reason: (text: String, isLogged: Bool)?
        /// The reason's error code, if librdkafka gave one.
        var reasonCode: KafkaErrorCode?
        var lastProbe: ContinuousClock.Instant?
        var limiter = RepeatLimiter(interval: .seconds(30))
    }

    private let log: KafkaLog
    private let state = Mutex(State())
    /// No broker answers. Read for every batch, so outside the lock.
    private let isDisconnected = Atomic(false)
    /// Set once after the consumer is created, and read in rebalance callbacks, both on the consumer's thread.
    weak var consumer: Consumer?

    init(_ log: KafkaLog) {
        self.log = log
    }

    static func of(_ client: OpaquePointer?) -> ClientEvents? {
        // The opaque pointer was retained by NativeConfiguration.makeClient.
        rd_kafka_opaque(client).map { Unmanaged<ClientEvents>.fromOpaque($0).takeUnretainedValue() }
    }

    func install(in configuration: OpaquePointer) {
        rd_kafka_conf_set_log_cb(configuration) { client, level, facility, text in
            guard let facility, let text else { return }
            ClientEvents.of(client)?.logged(level, String(cString: facility), String(cString: text))
        }
        if log.onStatistics != nil {
            rd_kafka_conf_set_stats_cb(configuration) { client, json, length, _ in
                ClientEvents.of(client)?.statistics(UnsafeRawBufferPointer(start: json, count: length))
                return 0
            }
        }
    }

    func statistics(_ json: UnsafeRawBufferPointer) { log.onStatistics?(json) }

    /// A record or an acknowledgement arrived: some broker answers.
    func brokerAnswered() {
        guard isDisconnected.load(ordering: .relaxed), isDisconnected.exchange(false, ordering: .relaxed) else {
            return
        }
        state.withLock { $0.reason = nil }
        log.logger.notice("Kafka answers again")
        log.onConnectionChange?(true)
    }

    /// While no broker answers, probes at most once a second: an idle client would not notice a recovery.
    func probeIfCutOff(_ client: OpaquePointer) {
        guard isDisconnected.load(ordering: .relaxed) else { return }
        let isDue = state.withLock { state in
            let now = ContinuousClock.now
            guard state.lastProbe.map({ $0.duration(to: now) >= .seconds(1) }) ?? true else { return false }
            state.lastProbe = now
            return true
        }
        if isDue, Self.answers(client, within: 100) { brokerAnswered() }
    }

    /// Whether any broker answers.
    static func answers(_ client: OpaquePointer, within milliseconds: Int32) -> Bool {
        var metadata: UnsafePointer<rd_kafka_metadata>?
        guard rd_kafka_metadata(client, 0, nil, &metadata, milliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR else {
            return false
        }
        rd_kafka_metadata_destroy(metadata)
        return true
    }

    /// Handles an error of the client's connections.
    func connectionFailed(_ error: KafkaError, of client: OpaquePointer) {
        // librdkafka also reports all brokers down when a broker closes an idle client's last connection, which can
        // simply be reopened.
        let isNews = error.code == .allBrokersDown && !isDisconnected.load(ordering: .relaxed)
        if isNews, Self.answers(client, within: 500) { return }
        failed(error)
    }

    /// Handles an error not returned by a call.
    func failed(_ error: KafkaError) {
        report(error)
        log.onError?(error)
    }

    /// Handles a failed background commit.
    func commitFailed(_ error: KafkaError) {
        failed(error)
        log.onCommitFailure?()
    }

    /// Silently records why a connection failed, or nil: for a client whose calls throw the error.
    func note(_ error: KafkaError?) {
        state.withLock { state in
            state.reason = error.map { ($0.message, false) }
            state.reasonCode = error?.code
        }
    }

    /// Adds the last connection failure to an error that only says there is no connection.
    ///
    /// - Parameter silent: the message if nothing failed but nothing answered either.
    func explain(_ error: KafkaError, silent: String) -> KafkaError {
        guard error.code == .timedOut || error.code.isAboutConnection else { return error }
        let (reason, code) = state.withLock { ($0.reason?.text, $0.reasonCode) }
        return KafkaError(
            code.flatMap { $0.isRefusal ? $0 : nil } ?? error.code, operation: error.operation,
            message: reason.map(Self.plain) ?? silent, isFatal: error.isFatal, isRetriable: error.isRetriable,
            isTransactionAbortable: error.isTransactionAbortable)
    }

    /// Extracts `HOST:PORT: WHAT` from `sasl_ssl://HOST:PORT/bootstrap: WHAT (after 0ms in state CONNECT)`.
    private static func plain(_ text: String) -> String {
        var text = text[...]
        if let end = text.range(of: " (after ", options: .backwards) { text = text[..<end.lowerBound] }
        let parts = text.split(separator: ": ", maxSplits: 1)
        guard parts.count == 2, let slash = parts[0].lastIndex(of: "/") else { return String(text) }
        let address = parts[0][..<slash]
        return "\(address.range(of: "://").map { address[$0.upperBound...] } ?? address): \(parts[1])"
    }

    private func report(_ error: KafkaError) {
        switch error.code {
        case .transport, .timedOut:
            // Possibly one of many brokers, and the library retries. It is the reason if all go down.
            state.withLock { $0.reason = (error.message, false) }
            log.logger.debug("Kafka connection: \(error.message)")
        case .allBrokersDown:
            guard !isDisconnected.exchange(true, ordering: .relaxed) else { return }
            let reason = state.withLock { $0.reason }
            if reason?.isLogged != true {
                log.logger.warning("no Kafka broker answers; trying on: \(reason?.text ?? error.message)")
            }
            log.onConnectionChange?(false)
        case let code where code.isNormalInRebalance && !error.isFatal:
            log.logger.debug("\(error)")
        default:
            if error.code.isAboutConnection { state.withLock { $0.reason = (error.message, true) } }
            write(error.isFatal ? .critical : .error, kind: error.operation + error.code.name, error.description)
        }
    }

    private func logged(_ level: Int32, _ facility: String, _ text: String) {
        switch facility {
        case "FAIL":
            // Also arrives as an error if the client is polled. The text begins with the thread's name.
            let reason = text.hasPrefix("[thrd:") ? text.split(separator: "]: ", maxSplits: 1).last : nil
            state.withLock { state in
                guard state.reason?.isLogged != true else { return }
                state.reason = (String(reason ?? text[...]), false)
                state.reasonCode = nil
            }
            log.logger.debug("\(facility): \(text)")
        case "OFFSET" where level <= 4:
            // In this facility only a lost position is a warning. It raises no error: the library resets the position
            // itself.
            log.onPositionReset?()
            write(
                .warning, kind: facility,
                "records were deleted before they were read, or their topic was created again: \(text)")
        case "CONFWARN", "ERROR":
            // Unused properties are expected: producers and consumers share one set. Errors are logged only for an
            // admin client, whose calls throw them.
            log.logger.debug("\(facility): \(text)")
        default:
            let level: Logger.Level =
                switch level {
                case ...3: .error
                case 4: .warning
                case 5: .info
                case 6: .debug
                default: .trace
                }
            if level <= .debug {
                log.logger.log(level: level, "\(facility): \(text)")
            } else {
                write(level, kind: facility, "\(facility): \(text)")
            }
        }
    }

    private func write(_ level: Logger.Level, kind: String, _ text: String) {
        guard let held = state.withLock({ $0.limiter.admit(kind, now: .now) }) else { return }
        log.logger.log(level: level, "\(text)\(held > 0 ? " (and \(held) times before)" : "")")
    }
}

/// Admits one line of each kind per interval, and counts the suppressed ones.
struct RepeatLimiter {
    private var kinds: [String: (last: ContinuousClock.Instant, suppressed: Int)] = [:]
    private let interval: Duration

    init(interval: Duration) { self.interval = interval }

    /// The number of lines of this kind suppressed since the last admitted one; nil if this one is suppressed too.
    mutating func admit(_ kind: String, now: ContinuousClock.Instant) -> Int? {
        guard let state = kinds[kind] else {
            kinds[kind] = (now, 0)
            return 0
        }
        guard state.last.duration(to: now) >= interval else {
            kinds[kind] = (state.last, state.suppressed + 1)
            return nil
        }
        kinds[kind] = (now, 0)
        return state.suppressed
    }
}
