import ArgumentParser
import Classification
import Foundation

struct StagesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stages", abstract: "Measures the stages of the hot path one by one, for each sentence.")

    @OptionGroup var input: InputOptions

    func run() throws {
        guard Stopwatch.countsAllocations else {
            throw ValidationError("allocations are not counted: preload .bench/bin/allocations (LD_PRELOAD)")
        }
        let classifier = try ModelFile.load(path: input.model)
        let corpus = try Corpus(path: input.sentences)
        let stopwatch = Stopwatch()
        var readings = RecordStages(corpus, classifier.model).measure(stopwatch)
        readings += try ClassificationStages(corpus, classifier).measure(stopwatch)
        readings += GatewayStages(corpus, labels: classifier.model.labels).measure(stopwatch)
        readings += [try HotPath(corpus, classifier).measure(stopwatch)]
        print(String(decoding: try JSONEncoder().encode(readings), as: UTF8.self))
    }
}
