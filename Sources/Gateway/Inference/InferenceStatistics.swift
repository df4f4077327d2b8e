import HTTPServer
import NIOCore
import Platform
import Synchronization

/// Statistics of the infer routes for the current model, as in the protocol's extension `statistics`. `/metrics` covers
/// all routes.
package final class InferenceStatistics: Sendable {
    /// A number of requests and their total duration.
    struct Count {
        var count = 0
        var nanoseconds: UInt64 = 0

        mutating func add(_ nanoseconds: UInt64) {
            count += 1
            self.nanoseconds += nanoseconds
        }
    }

    /// The counters of one model. They start at zero for each version, as in Triton.
    struct Counts {
        var model = ""
        var sentences = 0
        var successes = Count()
        var failures = Count()
        /// Successes that needed no worker.
        var cacheHits = Count()
        /// When the last request ended, in Unix milliseconds.
        var last: Int64 = 0
    }

    private let counts = Mutex(Counts())

    package init() {}

    /// Counts a request whose sentences were all classified.
    func succeeded(_ result: CallResult, model: ModelInformation, nanoseconds: UInt64) {
        count(for: model) { counts in
            counts.sentences += result.outcomes.count
            counts.successes.add(nanoseconds)
            if result.sources.allSatisfy({ $0 == .hit }) { counts.cacheHits.add(nanoseconds) }
        }
    }

    /// Counts a request that failed.
    func failed(model: ModelInformation, nanoseconds: UInt64) {
        count(for: model) { $0.failures.add(nanoseconds) }
    }

    private func count(for model: ModelInformation, _ change: (inout Counts) -> Void) {
        let now = UnixTime.milliseconds
        counts.withLock { counts in
            if counts.model != model.identifier {
                counts = Counts()
                counts.model = model.identifier
            }
            counts.last = now
            change(&counts)
        }
    }

    /// The body of `/v2/models/{model}/stats`; an empty list without a model.
    func body(for model: ModelInformation?) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"model_stats\":[")
        if let model {
            let counts = counts.withLock { $0 }
            body.write(counts.model == model.identifier ? counts : Counts(), of: model)
        }
        body.writeStaticString("]}")
        return body
    }
}

extension ByteBuffer {
    /// Appends a model's statistics with every member that Triton's tools read. Values known only to workers stay 0:
    /// queue time, compute time and batch sizes.
    fileprivate mutating func write(_ counts: InferenceStatistics.Counts, of model: ModelInformation) {
        writeStaticString("{\"name\":")
        writeJSON(string: model.name)
        writeStaticString(",\"version\":")
        writeJSON(string: model.version)
        writeStaticString(",\"last_inference\":")
        writeDecimal(Int(counts.last))
        writeStaticString(",\"inference_count\":")
        writeDecimal(counts.sentences)
        writeStaticString(",\"execution_count\":")
        let misses = counts.successes.count - counts.cacheHits.count
        writeDecimal(misses)
        writeStaticString(",\"inference_stats\":{")
        let nothing = InferenceStatistics.Count()
        write("success", counts.successes)
        for (name, count) in [
            ("fail", counts.failures), ("queue", nothing), ("compute_input", nothing), ("compute_infer", nothing),
            ("compute_output", nothing), ("cache_hit", counts.cacheHits),
            ("cache_miss", InferenceStatistics.Count(count: misses)),
        ] {
            writeStaticString(",")
            write(name, count)
        }
        writeStaticString("},\"batch_stats\":[]}")
    }

    private mutating func write(_ name: String, _ count: InferenceStatistics.Count) {
        writeJSON(string: name)
        writeStaticString(":{\"count\":")
        writeDecimal(count.count)
        writeStaticString(",\"ns\":")
        writeString(String(count.nanoseconds))
        writeStaticString("}")
    }
}
