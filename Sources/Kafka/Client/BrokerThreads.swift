import CRdKafka
import Foundation
import Synchronization

/// librdkafka's threads that carry the records of some clients, one for each broker that a client knows, so that the system
/// can be told to schedule them in another way than the rest of the process.
///
/// The threads that speak for a client, to the coordinators of its group and of its transactions, and librdkafka's main ones
/// are not among them: they have little to do, and others wait for it.
public final class BrokerThreads: Sendable {
    private struct State {
        var running: Set<Int32> = []
        var action: (@Sendable (Int32) -> Void)?
    }

    private let state = Mutex(State())

    /// None yet: give it to the clients as they are made.
    public init() {}

    /// Calls `action` with Linux's number (gettid(2)) of each of the threads, now and whenever another starts; replaces an
    /// earlier action. A thread does not end while `action` is at it, nor does another start: be quick, and call no client.
    public func onEach(_ action: @escaping @Sendable (_ thread: Int32) -> Void) {
        state.withLock { state in
            state.action = action
            for thread in state.running { action(thread) }
        }
    }

    /// Listens to the client that is made of the configuration; has to outlive it.
    func install(in configuration: OpaquePointer) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        // librdkafka takes listeners only while it makes the client.
        rd_kafka_conf_interceptor_add_on_new(
            configuration, "broker threads",
            { client, _, context, _, _ in
                rd_kafka_interceptor_add_on_thread_start(
                    client, "broker threads",
                    { _, kind, name, context in
                        if kind == RD_KAFKA_THREAD_BROKER, BrokerThreads.carriesRecords(name) {
                            BrokerThreads.of(context)?.begins()
                        }
                        return RD_KAFKA_RESP_ERR_NO_ERROR
                    }, context)
                return rd_kafka_interceptor_add_on_thread_exit(
                    client, "broker threads",
                    { _, _, _, context in
                        BrokerThreads.of(context)?.ends()
                        return RD_KAFKA_RESP_ERR_NO_ERROR
                    }, context)
            }, context)
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> BrokerThreads? {
        context.map { Unmanaged<BrokerThreads>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Coordinators have a connection of their own, which is named for what they are instead of `HOST:PORT/ID`.
    private static func carriesRecords(_ name: UnsafePointer<CChar>?) -> Bool {
        guard let name else { return false }
        return strchr(name, Int32(UInt8(ascii: "/"))) != nil
    }

    private func begins() {
        let thread = triage_thread_id()
        state.withLock { state in
            state.running.insert(thread)
            state.action?(thread)
        }
    }

    private func ends() {
        let thread = triage_thread_id()
        // The number may be another thread's at once.
        _ = state.withLock { $0.running.remove(thread) }
    }
}
