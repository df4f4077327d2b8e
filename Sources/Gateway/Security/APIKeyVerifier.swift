import Foundation
package import Logging
package import Platform
import Synchronization
import Telemetry

/// Checks the API keys of requests against the file, which is reloaded every second.
///
/// While the file is unreadable, revocations cannot be seen. After a short grace period, in which the file may be
/// replaced or repaired, every request that needs a key is refused with 503.
package final class APIKeyVerifier: Sendable {
    /// An accepted key, to be checked again later with ``APIKeyVerifier/isInForce(_:)``.
    package struct Pass: Hashable, Sendable {
        fileprivate let digest: [UInt8]
    }

    private struct State {
        var digests: [[UInt8]]
        /// The contents of the file at the last successful load.
        var contents: [UInt8]
        /// When the file became unreadable.
        var failingSince: MonotonicTime?
        /// When to log again that all requests are refused.
        var nextReminder = MonotonicTime(nanoseconds: 0)
        var areDoorsClosed = false
        /// Requests refused since the last log line about them, and when the next one may be logged.
        var refused = 0
        var nextRefusalLine = MonotonicTime(nanoseconds: 0)
    }

    /// How long the known keys stay valid while the file is unreadable.
    static let patience = Duration.seconds(5)
    /// The minimum interval between repeated log lines.
    private static let logInterval = Duration.seconds(60)

    private let file: APIKeyFile
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads the file.
    package init(file: APIKeyFile, logger: Logger) throws(APIKeyFile.Failure) {
        self.file = file
        self.logger = logger
        let contents = try file.contents()
        self.state = Mutex(State(digests: try file.entries(in: contents).map(\.digest), contents: contents))
    }

    /// Throws unless the value of `Authorization` is `Bearer` with a valid key.
    ///
    /// - Parameter client: the client's address, for the log.
    @discardableResult
    package func check(
        _ authorization: String?, from client: @autoclosure () -> String? = nil, now: MonotonicTime = .now
    ) throws(GatewayError) -> Pass {
        let (digests, areDoorsClosed) = state.withLock { ($0.digests, $0.areDoorsClosed) }
        if areDoorsClosed { throw GatewayError(.unavailable, Self.closed) }
        guard let authorization, authorization.prefix(7).lowercased() == "bearer " else {
            noteRefusal(from: client(), now: now)
            throw GatewayError(.unauthorized, "send the header Authorization: Bearer KEY")
        }
        let pass = Pass(digest: APIKeyFile.digest(of: String(authorization.dropFirst(7))))
        guard Self.isKnown(pass, among: digests) else {
            noteRefusal(from: client(), now: now)
            throw GatewayError(.unauthorized, "the key is not known, or revoked")
        }
        return pass
    }

    /// Whether an accepted key is still valid. Long-running requests such as streams should check once a second.
    package func isInForce(_ pass: Pass) -> Bool {
        let (digests, areDoorsClosed) = state.withLock { ($0.digests, $0.areDoorsClosed) }
        return !areDoorsClosed && Self.isKnown(pass, among: digests)
    }

    /// A one-line reason why all keys are refused; nil while keys are checked.
    package var problem: String? { state.withLock { $0.areDoorsClosed } ? Self.closed : nil }

    private static let closed = "the file of API keys cannot be read"

    /// Compares every digest in full, in constant time.
    private static func isKnown(_ pass: Pass, among digests: [[UInt8]]) -> Bool {
        var isKnown: UInt8 = 0
        for known in digests {
            var difference: UInt8 = 0
            for (left, right) in zip(known, pass.digest) { difference |= left ^ right }
            isKnown |= difference == 0 ? 1 : 0
        }
        return isKnown != 0
    }

    // MARK: The file

    /// Reloads the file. Must be called every second.
    package func reload(now: MonotonicTime = .now) {
        do throws(APIKeyFile.Failure) {
            let contents = try file.contents()
            let (isNew, wereDoorsClosed) = state.withLock { ($0.contents != contents, $0.areDoorsClosed) }
            if isNew {
                let digests = try file.entries(in: contents).map(\.digest)
                state.withLock { state in
                    state.digests = digests
                    state.contents = contents
                }
                logger.notice("read the API keys again", [.count: "\(digests.count)"])
            }
            state.withLock { state in
                state.failingSince = nil
                state.areDoorsClosed = false
            }
            if wereDoorsClosed { logger.notice("API keys are checked again") }
        } catch {
            note(error, now: now)
        }
        tellOfRefusals(now: now)
    }

    private func note(_ failure: APIKeyFile.Failure, now: MonotonicTime) {
        let (isFirst, isReminder) = state.withLock { state in
            let isFirst = state.failingSince == nil
            let since = state.failingSince ?? now
            state.failingSince = since
            state.areDoorsClosed = now >= since.advanced(by: Self.patience)
            if isFirst { state.nextReminder = now }
            guard state.areDoorsClosed, now >= state.nextReminder else { return (isFirst, false) }
            state.nextReminder = now.advanced(by: Self.logInterval)
            return (isFirst, true)
        }
        let user = "the gateway runs as user \(geteuid())"
        if isFirst {
            logger.warning(
                "the API keys cannot be read; those known stay in force for \(Self.patience.milliseconds / 1_000) s",
                [.reason: "\(failure); \(user)"])
        }
        if isReminder {
            logger.error("every request is refused: the API keys cannot be read", [.reason: "\(failure); \(user)"])
        }
    }

    // MARK: Refusals

    /// Logs the first refusal and counts those in the following minute.
    private func noteRefusal(from client: String?, now: MonotonicTime) {
        let isFirst = state.withLock { state in
            guard now >= state.nextRefusalLine else {
                state.refused += 1
                return false
            }
            state.nextRefusalLine = now.advanced(by: Self.logInterval)
            return true
        }
        guard isFirst else { return }
        logger.warning("a request without a valid API key was refused", [.client: "\(client ?? "unknown")"])
    }

    private func tellOfRefusals(now: MonotonicTime) {
        let refused = state.withLock { state in
            guard now >= state.nextRefusalLine else { return 0 }
            defer { state.refused = 0 }
            return state.refused
        }
        if refused > 0 {
            logger.warning("more requests without a valid API key were refused in a minute", [.count: "\(refused)"])
        }
    }
}
