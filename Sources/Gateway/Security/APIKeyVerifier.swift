import Crypto
import Foundation
package import Logging
import Synchronization
import Telemetry

/// Checks the keys of requests against the file of keys, which it reads again when it changes.
package final class APIKeyVerifier: Sendable {
    private struct State {
        var digests: [[UInt8]]
        var stamp: Stamp?
    }

    /// What changes when the file does.
    private struct Stamp: Equatable {
        let modified: Date?
        let size: UInt64?
        let inode: UInt64?
    }

    private let file: APIKeyFile
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads the file.
    package init(file: APIKeyFile, logger: Logger) throws(APIKeyFile.Failure) {
        self.file = file
        self.logger = logger
        let stamp = Self.stamp(of: file.path)
        let digests = try file.entries().map(\.digest)
        self.state = Mutex(State(digests: digests, stamp: stamp))
    }

    /// Throws unless the value of `Authorization` is `Bearer` and a key of the file.
    func check(_ authorization: String?) throws(GatewayError) {
        guard let authorization, authorization.prefix(7).lowercased() == "bearer " else {
            throw GatewayError(.unauthorized, "send the header Authorization: Bearer KEY")
        }
        let digest = APIKeyFile.digest(of: String(authorization.dropFirst(7)))
        let digests = state.withLock { $0.digests }
        // Every digest is compared to its end, so that the time taken tells nothing.
        var isKnown: UInt8 = 0
        for known in digests {
            var difference: UInt8 = 0
            for (left, right) in zip(known, digest) { difference |= left ^ right }
            isKnown |= difference == 0 ? 1 : 0
        }
        if isKnown == 0 { throw GatewayError(.unauthorized, "the key is not known, or revoked") }
    }

    /// Reads the file again if it has changed. When it cannot be read, the keys stay as they were.
    package func reloadIfChanged() {
        let stamp = Self.stamp(of: file.path)
        guard state.withLock({ $0.stamp != stamp }) else { return }
        do throws(APIKeyFile.Failure) {
            let digests = try file.entries().map(\.digest)
            state.withLock { $0 = State(digests: digests, stamp: stamp) }
            logger.notice("read the API keys again", [.count: "\(digests.count)"])
        } catch {
            state.withLock { $0.stamp = stamp }
            logger.error("the API keys stay as they were", [.reason: "\(error)"])
        }
    }

    private static func stamp(of path: String) -> Stamp? {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
        return Stamp(
            modified: attributes[.modificationDate] as? Date,
            size: (attributes[.size] as? NSNumber)?.uint64Value,
            inode: (attributes[.systemFileNumber] as? NSNumber)?.uint64Value)
    }
}
