import Classification
import Logging
import Platform
import ServiceLifecycle
import Telemetry
import UnixSignals

/// Loads the model anew on SIGHUP and when its file changes. The old model serves until the new one is whole and has been
/// tried; a file that does not load, or gives no probabilities, is reported, and the old model stays.
struct ModelReloader: Sendable {
    let source: ModelSource
    let current: CurrentModel
    let checkInterval: Duration
    let metrics: ModelMetrics
    let logger: Logger

    /// Runs until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await reloadOnSignal() }
            group.addTask { await reloadOnChange() }
        }
    }

    private func reloadOnSignal() async {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            await reload(because: "SIGHUP")
        }
    }

    /// Polling: it works on every file system, through symbolic links that are exchanged (as Kubernetes does) too. A
    /// change counts once the file has looked the same twice, so that one that is being written is left alone.
    private func reloadOnChange() async {
        guard let path = source.path, checkInterval > .zero else { return }
        var loaded = FileStamp(path: path)
        var seen = loaded
        while (try? await Task.sleep(for: checkInterval)) != nil {
            let stamp = FileStamp(path: path)
            defer { seen = stamp }
            guard let stamp, stamp != loaded, stamp == seen else { continue }
            loaded = stamp
            await reload(because: "the file changed")
        }
    }

    /// One attempt. Two at once are harmless: each leaves a whole model, the later one's.
    func reload(because reason: String) async {
        do {
            let source = source
            let newer = try await DedicatedThread.run(name: "model-loader") { try source.loadTried() }
            let older = current.take().model.identifier
            guard newer.model.identifier != older else {
                logger.info("the model is the same as before", [.model: "\(older)", .reason: "\(reason)"])
                return
            }
            current.replace(with: newer)
            metrics.loaded(newer.model)
            logger.notice(
                "the model was exchanged",
                [.model: "\(newer.model.identifier)", .previous: "\(older)", .reason: "\(reason)"])
        } catch {
            metrics.failed()
            logger.error(
                "the new model does not load, the old one stays",
                [.model: "\(current.take().model.identifier)", .reason: "\(reason)", .error: "\(error)"])
        }
    }
}
