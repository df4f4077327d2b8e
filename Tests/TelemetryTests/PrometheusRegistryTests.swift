import Foundation
import Synchronization
import Telemetry
import Testing

@Suite("Metrics for Prometheus")
struct PrometheusRegistryTests {
    private let registry = PrometheusRegistry()

    private func read() throws -> Exposition { try Exposition(registry.exposition()) }

    @Test("counters only grow")
    func counters() throws {
        let counter = registry.counter("triage_sentences_total", help: "Sentences.", labels: [("lane", "bulk")])
        counter.increment()
        counter.increment(by: 41)
        counter.increment(by: -5)
        let family = try read().families["triage_sentences_total"]
        #expect(family?.kind == "counter")
        #expect(family?.help == "Sentences.")
        #expect(try read().value("triage_sentences_total", ["lane": "bulk"]) == 42)
    }

    @Test("gauges go up and down")
    func gauges() throws {
        let gauge = registry.gauge("triage_in_flight", help: "Batches.")
        gauge.set(Int64(3))
        #expect(try read().value("triage_in_flight") == 3)
        gauge.set(-2.5)
        #expect(try read().value("triage_in_flight") == -2.5)
        gauge.set(Double.infinity)
        #expect(try read().value("triage_in_flight") == .infinity)
    }

    @Test("histograms count values at most each bound")
    func histograms() throws {
        let histogram = registry.histogram(
            "triage_stage_seconds", help: "Time.", buckets: [1, 0.1, 1], labels: [("stage", "decode")])
        #expect(histogram.bounds == [0.1, 1])
        for value in [0.05, 0.1, 0.5, 1, 2, .infinity, .nan] where value != .infinity { histogram.observe(value) }
        histogram.observe(.milliseconds(500), times: 10)
        histogram.observe(7, times: 0)
        let exposition = try read()
        func bucket(_ bound: String) -> Double? {
            exposition.value("triage_stage_seconds_bucket", ["stage": "decode", "le": bound])
        }
        #expect(bucket("0.1") == 2)
        #expect(bucket("1") == 14)
        #expect(bucket("+Inf") == 15)
        #expect(exposition.value("triage_stage_seconds_count", ["stage": "decode"]) == 15)
        #expect(abs((exposition.value("triage_stage_seconds_sum", ["stage": "decode"]) ?? 0) - 8.65) < 1e-9)
    }

    @Test("the same name and labels, in whatever order, are the same handle")
    func idempotent() {
        let first = registry.counter("c_total", help: "C.", labels: [("a", "1"), ("b", "2")])
        #expect(registry.counter("c_total", help: "Other.", labels: [("b", "2"), ("a", "1")]) === first)
        #expect(registry.counter("c_total", help: "C.", labels: [("a", "1")]) !== first)
        let histogram = registry.histogram("h_seconds", help: "H.", buckets: [1])
        #expect(registry.histogram("h_seconds", help: "H.", buckets: [2]) === histogram)
    }

    @Test("labels and help are escaped, and read back as they were")
    func escapes() throws {
        let odd = "a\\b\"c\nd é,}{="
        registry.gauge("g", help: "h\\\n\"x\"", labels: [("odd", odd), ("le", "1"), ("__name__", "n"), ("1-x", "y")])
            .set(Int64(1))
        let exposition = try read()
        #expect(exposition.families["g"]?.help == "h\\\n\"x\"")
        #expect(exposition.value("g", ["odd": odd, "label_le": "1", "label___name__": "n", "_1_x": "y"]) == 1)
    }

    @Test("a family holds a bounded number of series, and a name means one kind; what is refused is counted")
    func bounds() throws {
        let registry = PrometheusRegistry(maximumSeriesPerFamily: 3)
        for index in 0..<10 { registry.counter("c_total", help: "C.", labels: [("i", "\(index)")]).increment() }
        registry.gauge("c_total", help: "G.").set(Int64(1))
        let exposition = try Exposition(registry.exposition())
        #expect(exposition.families["c_total"]?.samples.count == 3)
        #expect(exposition.value("triage_metrics_refused_series_total") == 8)
    }

    @Test("collectors add figures at each scrape, beside registered series of the same name")
    func collectors() throws {
        let scrapes = Atomic(0)
        registry.gauge("lag", help: "Lag.", labels: [("partition", "0")]).set(Int64(5))
        registry.addCollector { readings in
            let scrape = scrapes.add(1, ordering: .relaxed).newValue
            readings.gauge("lag", help: "Lag.", labels: [("partition", "1")], Double(scrape))
            readings.gauge("lag", help: "Lag.", labels: [("partition", "1")], -1)
            readings.gauge("lag", help: "Lag.", labels: [("partition", "0")], -1)
            readings.counter("lag", help: "Not a gauge.", 7)
            readings.counter("own_total", help: "Own.", 2)
        }
        _ = registry.exposition()
        let exposition = try read()
        #expect(exposition.value("lag", ["partition": "0"]) == 5)
        #expect(exposition.value("lag", ["partition": "1"]) == 2)
        #expect(exposition.families["lag"]?.samples.count == 2)
        #expect(exposition.value("own_total") == 2)
    }

    @Test("a collector may make handles")
    func collectorsMakeHandles() throws {
        let registry = registry
        registry.addCollector { _ in registry.counter("late_total", help: "Late.").increment() }
        #expect(try read().value("late_total") == 1)
    }

    @Test("nothing is lost when threads count at once")
    func threads() async throws {
        let registry = registry
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for index in 0..<2000 {
                        registry.counter("c_total", help: "C.").increment()
                        registry.histogram("h_seconds", help: "H.", buckets: [1000]).observe(Double(index))
                        if index % 500 == 0 { _ = registry.exposition() }
                    }
                }
            }
        }
        let exposition = try read()
        #expect(exposition.value("c_total") == 16000)
        #expect(exposition.value("h_seconds_bucket", ["le": "1000"]) == 8008)
        #expect(exposition.value("h_seconds_count") == 16000)
        #expect(exposition.value("h_seconds_sum") == 15_992_000)
    }

    @Test("the process' own figures are there")
    func process() throws {
        ProcessMetrics.register(in: registry)
        let exposition = try read()
        #expect((exposition.value("process_resident_memory_bytes") ?? 0) > 1_000_000)
        #expect((exposition.value("process_open_fds") ?? 0) >= 3)
        #expect((exposition.value("process_max_fds") ?? 0) >= (exposition.value("process_open_fds") ?? 0))
        #expect((exposition.value("process_threads") ?? 0) >= 1)
        let started = exposition.value("process_start_time_seconds") ?? 0
        let now = Date().timeIntervalSince1970
        #expect(started > now - 86_400 && started <= now + 1)
        #expect(exposition.families["process_cpu_seconds_total"]?.kind == "counter")
        let build = ["version": ProgramVersion.number, "commit": ProgramVersion.commit ?? "unknown"]
        #expect(exposition.value("triage_build_info", build) == 1)
    }

    @Test("the line of /proc is read whatever the process is called")
    func processLine() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 4 0 1000 8192 3 0"
        let status = ProcessStatus(line: "42 (a) b (c)) \(rest)", ticksPerSecond: 100, pageSize: 4096, bootTime: 500)
        #expect(status?.cpuSeconds == 3)
        #expect(status?.threads == 4)
        #expect(status?.startTime == 510)
        #expect(status?.virtualBytes == 8192)
        #expect(status?.residentBytes == 12288)
        #expect(ProcessStatus(line: "42 (x", ticksPerSecond: 100, pageSize: 4096, bootTime: nil) == nil)
        #expect(ProcessStatus(line: "42 (x) S 1 2", ticksPerSecond: 100, pageSize: 4096, bootTime: nil) == nil)
    }

    @Test("the parser of these tests is strict")
    func parser() {
        for wrong in [
            "a 1\n", "# TYPE a gauge\na 1", "# TYPE a gauge\nb 1\n", "# TYPE a gauge\na{x=\"1} 1\n",
            "# TYPE a gauge\na x\n",
            "# TYPE a gauge\na 1\na 2\n", "# TYPE a counter\na 1\n", "# TYPE a_total counter\na_total -1\n",
            "# TYPE a gauge\n", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
            "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
            "# TYPE a gauge\na{x=\"\\q\"} 1\n",
        ] {
            #expect(throws: Exposition.Problem.self) { try Exposition(wrong) }
        }
    }
}
