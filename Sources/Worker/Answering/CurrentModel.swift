package import Classification
import Logging
import Platform
import ServiceLifecycle
import Synchronization
import Telemetry
import UnixSignals

/// The model in use. A lane checks ``generation`` between batches (one atomic load) and takes the classifier only when
/// it has changed.
final class CurrentModel: Sendable {
    private let classifier: Mutex<any Classifier>
    private let counter = Atomic<UInt64>(1)

    init(_ classifier: any Classifier) {
        self.classifier = Mutex(classifier)
    }

    /// Incremented on every replacement.
    var generation: UInt64 { counter.load(ordering: .acquiring) }

    /// The classifier; it may be newer than a ``generation`` read earlier.
    func take() -> any Classifier { classifier.withLock { $0 } }

    func replace(with newer: any Classifier) {
        classifier.withLock { $0 = newer }
        counter.add(1, ordering: .releasing)
    }
}

/// Where the worker's model comes from, and how it is reloaded.
package struct ModelSource: Sendable {
    /// The file watched for changes; `nil` if there is none, in which case only SIGHUP reloads.
    package var path: String?
    /// Loads the model. Called at startup and for every reload, on a thread that may block.
    package var load: @Sendable () throws -> any Classifier
    /// Refuses a model that does not fit the worker's settings.
    var check: @Sendable (ModelDescription) throws -> Void = { _ in }

    /// A custom source.
    package init(path: String?, load: @escaping @Sendable () throws -> any Classifier) {
        self.path = path
        self.load = load
    }

    /// Loads the model and tests it.
    ///
    /// - Parameter sessions: how many threads will classify with it.
    func loadTried(sessions: Int = 1) throws -> any Classifier {
        let classifier = try load()
        try classifier.tryOut(sessions: sessions)
        try check(classifier.model)
        return classifier
    }

    /// A model's file or folder. It is read in full, so later changes to it do no harm.
    package static func file(_ path: String, encoder: EncoderOptions = EncoderOptions()) -> ModelSource {
        ModelSource(path: path) { try ModelFile.load(path: path, encoder: encoder) }
    }
}

/// Reloads the model on SIGHUP and when its file changes. The old model stays in use until the new one is loaded and
/// tested. A file that does not load, or yields no probabilities, is logged, and the old model stays.
struct ModelReloader: Sendable {
    let source: ModelSource
    /// What was at the source's path when the first model was about to be loaded: what changes while the worker waits for its
    /// brokers counts too.
    let loaded: FileStamp?
    /// How many lanes use the model.
    let lanes: Int
    let current: CurrentModel
    /// What is to be told of a model.
    let findings: @Sendable (ModelDescription) -> [String]
    let checkInterval: Duration
    let metrics: ModelMetrics
    let logger: Logger

    private enum Reason {
        case signal
        case change(FileStamp)
    }

    /// Runs until cancelled. Reloads come one after the other, so that the newest model is the last, and no more than two
    /// are in memory.
    func run() async {
        let (reasons, queue) = AsyncStream.makeStream(of: Reason.self)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
                    queue.yield(.signal)
                }
            }
            group.addTask { await watch { queue.yield(.change($0)) } }
            var loaded = loaded
            for await reason in reasons {
                switch reason {
                case .signal:
                    loaded = source.path.flatMap { FileStamp(path: $0) }
                    await reload(because: "SIGHUP")
                case .change(let stamp):
                    // A signal may have come for the same change.
                    guard stamp != loaded else { continue }
                    loaded = stamp
                    await reload(because: "the file changed")
                }
            }
        }
    }

    /// Polls, because that works on every file system and with symbolic links that are swapped (as Kubernetes does). A
    /// change counts once two checks see the same stamp, so that a file still being written is ignored.
    private func watch(onChange: (FileStamp) -> Void) async {
        guard let path = source.path, checkInterval > .zero else { return }
        var (told, seen) = (loaded, loaded)
        while (try? await Task.sleep(for: checkInterval)) != nil {
            let stamp = FileStamp(path: path)
            defer { seen = stamp }
            // What was there for a moment may have been loaded by a signal, so what came back is told again.
            if stamp != seen { told = nil }
            guard let stamp, stamp != told, stamp == seen else { continue }
            told = stamp
            onChange(stamp)
        }
    }

    /// One attempt.
    private func reload(because reason: String) async {
        do {
            let (source, lanes) = (source, lanes)
            let newer = try await DedicatedThread.run(name: "model-loader") { try source.loadTried(sessions: lanes) }
            let older = current.take().model.identifier
            guard newer.model.identifier != older else {
                logger.info("the model is the same as before", [.model: "\(older)", .reason: "\(reason)"])
                return
            }
            current.replace(with: newer)
            metrics.loaded(newer.model)
            for finding in findings(newer.model) { logger.warning("\(finding)") }
            logger.notice(
                "the model was exchanged",
                [.model: "\(newer.model.identifier)", .previous: "\(older)", .reason: "\(reason)"])
        } catch {
            metrics.failed()
            logger.error(
                "the new model cannot be loaded, the old one stays",
                [.model: "\(current.take().model.identifier)", .reason: "\(reason)", .error: "\(error)"])
        }
    }
}
