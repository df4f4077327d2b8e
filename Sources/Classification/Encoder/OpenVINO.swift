internal import COpenVINO
internal import Foundation
internal import Synchronization

/// OpenVINO, the library that runs encoders: loaded when a model first needs it, once in a process, and never unloaded.
final class OpenVINO: @unchecked Sendable {
    // The library's objects are made under its own locks, and this one never changes; hence `@unchecked Sendable`.
    private let library: OpaquePointer
    /// Such as `2026.4.1`.
    let version: String

    /// The releases whose C interface this program knows.
    private static let knownReleases = "2026."

    /// The library; loads it at the first call. One that was missing may be there at the next.
    ///
    /// - Throws: what to do about a library that is missing or of another release.
    static func shared() throws(OpenVINOError) -> OpenVINO {
        try loaded.withLock { loaded throws(OpenVINOError) in
            if let loaded { return loaded }
            let library = try OpenVINO()
            loaded = library
            return library
        }
    }

    private static let loaded = Mutex<OpenVINO?>(nil)

    private init() throws(OpenVINOError) {
        let remedy =
            "'make encoder' in Triage's sources brings OpenVINO 2026, and so do the Python packages openvino and "
            + "openvino-tokenizers, whose libraries the loader has to find (LD_LIBRARY_PATH)"
        var found: OpaquePointer?
        var isThere = false
        for (main, tokenizers) in Self.places() where found == nil {
            found = covino_open(main, tokenizers)
            // What the loader says of a library that is not there; all else is one that does not load.
            let isAbsent =
                found == nil && String(cString: covino_message()).hasPrefix("\(main): cannot open shared object")
            isThere = isThere || !isAbsent
        }
        guard let library = found else {
            throw OpenVINOError(
                isMissing: !isThere,
                reason: isThere
                    ? "OpenVINO cannot be loaded: its libraries do not fit each other or this system; \(remedy)"
                    : "needs OpenVINO, which is not installed; \(remedy)")
        }
        let build = String(cString: covino_version(library))
        version = String(build.prefix { $0 != "-" })
        guard build.hasPrefix(Self.knownReleases) else {
            throw OpenVINOError(
                isMissing: false, reason: "needs OpenVINO 2026, and the one that is installed is \(version); \(remedy)")
        }
        self.library = library
    }

    /// Where the two libraries may be: beside the program, or wherever the system's loader looks.
    private static func places() -> [(String, String)] {
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let folders = ["../../../.deps/openvino", "../lib/openvino"].map {
            program.appending(path: $0).standardized.path
        }
        func main(in folder: String) -> String? {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return names.filter { $0.hasPrefix("libopenvino_c.so") }.min().map { "\(folder)/\($0)" }
        }
        let beside = folders.compactMap { folder in
            main(in: folder).map { ($0, "\(folder)/libopenvino_tokenizers.so") }
        }
        // The packages for Python have only names with the number of a release, which the loader does not guess.
        let path = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]?.split(separator: ":") ?? []
        let numbered = path.compactMap { main(in: String($0)) }
        return beside + (numbered + ["libopenvino_c.so"]).map { ($0, "libopenvino_tokenizers.so") }
    }

    /// Reads a graph: IR (`.xml`) or ONNX.
    func graph(_ path: String) throws(OpenVINOError) -> InferenceGraph {
        guard let graph = covino_read(library, path) else {
            throw OpenVINOError(
                isMissing: false,
                reason: "OpenVINO \(version) cannot read it: it is damaged, has no weights beside it, or was made by a "
                    + "newer version")
        }
        return InferenceGraph(graph, path)
    }
}

/// Why OpenVINO cannot be used.
struct OpenVINOError: Error {
    /// Whether something is not there, as opposed to invalid.
    let isMissing: Bool
    /// One human-readable line, to come after a name.
    let reason: String
}

/// A graph as it is in its file. Shared by all threads, which make requests from it.
final class InferenceGraph: @unchecked Sendable {
    // Never changed after it was read; hence `@unchecked Sendable`.
    private let graph: OpaquePointer

    /// An input or output.
    struct Port: Hashable {
        /// Empty if it has none.
        let name: String
        let type: Int32
        /// -1 where they vary; nil if not even their number is known.
        let dimensions: [Int]?

        var isInteger: Bool { type == Int32(COVINO_I64) }
        var isFloat: Bool { type == Int32(COVINO_F32) }
    }

    let path: String
    let inputs: [Port]
    let outputs: [Port]

    fileprivate init(_ graph: OpaquePointer, _ path: String) {
        self.graph = graph
        self.path = path
        func ports(_ outputs: Bool) -> [Port] {
            (0..<covino_count(graph, outputs)).map { index in
                var port = covino_port()
                guard covino_describe(graph, outputs, index, &port) else {
                    return Port(name: "", type: 0, dimensions: nil)
                }
                let name = withUnsafeBytes(of: &port.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                let all = [port.dimensions.0, port.dimensions.1, port.dimensions.2, port.dimensions.3].map(Int.init)
                return Port(
                    name: name, type: port.type,
                    dimensions: (0...4).contains(port.rank) ? Array(all.prefix(Int(port.rank))) : nil)
            }
        }
        inputs = ports(false)
        outputs = ports(true)
    }

    deinit { covino_graph_free(graph) }

    /// Makes it ready to run, with memory of its own.
    ///
    /// - Parameter threads: with 1, the thread that runs it computes.
    func request(threads: Int) throws(ClassifierError) -> InferenceRequest {
        guard let request = covino_compile(graph, Int32(threads)) else { throw .backend(path) }
        return InferenceRequest(request, keeping: self)
    }
}

/// A graph that is ready to run. For one thread at a time.
final class InferenceRequest {
    private let request: OpaquePointer
    private let graph: InferenceGraph

    fileprivate init(_ request: OpaquePointer, keeping graph: InferenceGraph) {
        self.request = request
        self.graph = graph
    }

    deinit { covino_request_free(request) }

    /// Sets the only input: strings that end with NUL.
    func set(_ strings: UnsafeBufferPointer<UnsafePointer<CChar>>) throws(ClassifierError) {
        guard let start = strings.baseAddress, covino_set_strings(request, start, strings.count) else {
            throw .backend(graph.path)
        }
    }

    /// Sets an input: a matrix that has to stay where it is until ``run()`` is over.
    func set(
        _ name: String, _ values: UnsafeMutablePointer<Int64>, rows: Int, columns: Int
    ) throws(ClassifierError) {
        guard covino_set_matrix(request, name, values, Int64(rows), Int64(columns)) else { throw .backend(graph.path) }
    }

    func run() throws(ClassifierError) {
        guard covino_run(request) else { throw .backend(graph.path) }
    }

    /// An output by its index, borrowed until the next run. Dimensions beyond the given number are an error.
    func result<Element>(
        _ index: Int, as type: Element.Type, rank: ClosedRange<Int>
    ) throws(ClassifierError) -> (values: UnsafePointer<Element>, dimensions: (Int, Int, Int)) {
        var tensor = covino_tensor()
        let code = type == Float.self ? COVINO_F32 : COVINO_I64
        guard covino_result(request, index, &tensor), tensor.type == Int32(code),
            rank.contains(Int(tensor.rank)), let data = tensor.data
        else { throw .backend(graph.path) }
        let dimensions = tensor.dimensions
        return (
            data.assumingMemoryBound(to: type), (Int(dimensions.0), Int(dimensions.1), Int(dimensions.2))
        )
    }
}

extension ClassifierError {
    /// What OpenVINO says goes no further: it may quote paths and sentences.
    static func backend(_ name: String) -> ClassifierError {
        ClassifierError(
            code: .backendFailed,
            message: "OpenVINO cannot run \(name); is it damaged, or not for sentences of any length?")
    }
}
