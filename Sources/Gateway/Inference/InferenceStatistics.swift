import HTTPServer
import NIOCore
import Platform
import Synchronization

/// What this gateway's infer routes have done for the model that answers now, as the protocol's extension `statistics`
/// tells it. Other routes are not counted: `/metrics` has them all.
package final class InferenceStatistics: Sendable {
    /// So many, and how long they took together.
    struct Count {
        var count = 0
        var nanoseconds: UInt64 = 0

        mutating func add(_ nanoseconds: UInt64) {
            count += 1
            self.nanoseconds += nanoseconds
        }
    }

    /// What is counted for one model. As in Triton, each version starts from nothing.
    struct Counts {
        var model = ""
        var sentences = 0
        var successes = Count()
        var failures = Count()
        /// Successes that needed no worker.
        var cacheHits = Count()
        /// When the last request came to its end, in milliseconds since the start of 1970.
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

    /// Counts a request that was answered with an error.
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

    /// The answer to `/v2/models/{model}/stats`; without a model, that there are none.
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
    /// Appends a model's statistics with every member that Triton's tools read. What only a worker knows stays 0: how long
    /// a sentence waited in the queue and was computed, and in which batches.
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
