#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Process metrics under the names that all Prometheus clients use. Read from `/proc`; without it, nothing is exposed.
///
/// - `process_cpu_seconds_total` (seconds): user and system time
/// - `process_resident_memory_bytes` (bytes), `process_virtual_memory_bytes` (bytes)
/// - `process_start_time_seconds` (seconds since 1970)
/// - `process_open_fds`, `process_max_fds` (file descriptors)
/// - `process_threads` (threads)
///
/// Also `triage_build_info{version,commit}`, always 1: which build runs where.
package enum ProcessMetrics {
    /// Adds the process metrics to every scrape.
    package static func register(in registry: PrometheusRegistry) {
        registry.gauge(
            "triage_build_info", help: "Always 1; the labels tell the program's version.",
            labels: [("version", ProgramVersion.number), ("commit", ProgramVersion.commit ?? "unknown")]
        ).set(1.0)
        registry.addCollector { collect(into: &$0) }
    }

    private static func collect(into readings: inout CollectedMetrics) {
        guard let status = ProcessStatus.read() else { return }
        readings.counter(
            "process_cpu_seconds_total", help: "User and system CPU time spent, in seconds.", status.cpuSeconds)
        readings.gauge(
            "process_resident_memory_bytes", help: "Resident memory size, in bytes.", status.residentBytes)
        readings.gauge("process_virtual_memory_bytes", help: "Virtual memory size, in bytes.", status.virtualBytes)
        readings.gauge("process_threads", help: "Threads of the process.", status.threads)
        if let start = status.startTime {
            readings.gauge(
                "process_start_time_seconds", help: "Start of the process, in seconds since 1970.", start)
        }
        if let count = openFileDescriptors() {
            readings.gauge("process_open_fds", help: "Open file descriptors.", Double(count))
        }
        let limit = sysconf(Int32(_SC_OPEN_MAX))
        if limit > 0 {
            readings.gauge("process_max_fds", help: "File descriptors that may be open.", Double(limit))
        }
    }

    private static func openFileDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // `.`, `..` and the descriptor of the directory itself do not count.
        return max(0, count - 3)
    }
}

/// The exposed values of `/proc/self/stat`.
package struct ProcessStatus {
    package var cpuSeconds: Double
    package var residentBytes: Double
    package var virtualBytes: Double
    package var threads: Double
    /// Seconds since 1970; nil if the boot time is unknown.
    package var startTime: Double?

    static func read() -> ProcessStatus? {
        guard let line = SystemFile.read("/proc/self/stat") else { return nil }
        return ProcessStatus(
            line: line, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))),
            pageSize: Double(sysconf(Int32(_SC_PAGESIZE))),
            bootTime: bootTime)
    }

    /// Parses the line of proc(5). The process name is in parentheses and may itself contain spaces and parentheses.
    package init?(line: String, ticksPerSecond: Double, pageSize: Double, bootTime: Double?) {
        guard let nameEnd = line.lastIndex(of: ")"), ticksPerSecond > 0 else { return nil }
        // The first of these fields is the third of the line.
        let fields = line[line.index(after: nameEnd)...].split(whereSeparator: \.isWhitespace)
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let threads = Double(fields[17]), let start = Double(fields[19]), let virtual = Double(fields[20]),
            let pages = Double(fields[21])
        else { return nil }
        cpuSeconds = (user + system) / ticksPerSecond
        residentBytes = pages * pageSize
        virtualBytes = virtual
        self.threads = threads
        startTime = bootTime.map { $0 + start / ticksPerSecond }
    }

    /// The boot time, in seconds since 1970.
    private static let bootTime: Double? = {
        let lines = SystemFile.read("/proc/stat")?.split(separator: "\n") ?? []
        return lines.first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    }()
}

/// Files generated as they are read, whose size is not known beforehand.
private enum SystemFile {
    static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            #if canImport(Glibc)
                let count = Glibc.read(descriptor, &chunk, chunk.count)
            #elseif canImport(Musl)
                let count = Musl.read(descriptor, &chunk, chunk.count)
            #elseif canImport(Darwin)
                let count = Darwin.read(descriptor, &chunk, chunk.count)
            #endif
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            content.append(contentsOf: chunk[..<count])
        }
        return content.isEmpty ? nil : String(decoding: content, as: UTF8.self)
    }
}
