import Classification
import Foundation

/// Invented sentences of three classes, enough to train on in milliseconds.
enum Samples {
    private static let places = ["Lyon", "Paris", "Nice", "Brest", "Lille", "Metz", "Dijon", "Tours", "Nantes", "Caen"]

    static let travel: LabelledSentences = LabelledSentences(
        places.flatMap { place in
            [
                (text: "un train pour \(place) demain matin", label: "train"),
                (text: "prochain TGV vers \(place) ?", label: "train"),
                (text: "réserver une chambre à \(place)", label: "hotel"),
                (text: "un hôtel pas cher près de \(place)", label: "hotel"),
                (text: "bonjour, il fait beau à \(place)", label: "other"),
                (text: "raconte-moi une blague sur \(place)", label: "other"),
            ]
        })

    /// Options for quick training without cross-validation.
    static var quickOptions: LinearTrainer.Options {
        var options = LinearTrainer.Options()
        options.name = "voyages"
        options.language = "fr"
        options.folds = 0
        return options
    }

    static func model() throws -> LinearModel { try LinearTrainer(options: quickOptions).train(travel) }
}

/// A folder that goes away with the test.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "classification-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    func write(_ content: [UInt8], as name: String) throws -> String {
        try Data(content).write(to: URL(filePath: path(name)))
        return path(name)
    }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] }
}
