import Classification
import Synchronization
import Telemetry

/// The model in use and the results of reloads. `LaneMetrics.swift` lists all metrics.
final class ModelMetrics: Sendable {
    private let loads: MetricCounter
    private let failures: MetricCounter
    private let current: Mutex<ModelDescription>

    init(_ model: ModelDescription, registry: PrometheusRegistry) {
        func loads(_ result: String) -> MetricCounter {
            registry.counter(
                "triage_worker_model_loads_total", help: "Loads of a model after the first.",
                labels: [("result", result)])
        }
        self.loads = loads("ok")
        failures = loads("failed")
        current = Mutex(model)
        registry.addCollector { [weak self] readings in
            guard let model = self?.current.withLock({ $0 }) else { return }
            readings.gauge(
                "triage_worker_model_info", help: "The model in use.",
                labels: [("model", model.identifier), ("kind", model.hasEncoder ? "encoder" : "linear")], 1)
        }
    }

    func loaded(_ model: ModelDescription) {
        loads.increment()
        current.withLock { $0 = model }
    }

    func failed() { failures.increment() }
}
