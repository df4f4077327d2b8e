import Foundation

/// Sentences made up by rule: as many as one likes, each different, always the same ones.
enum SampleSentences {
    private static let openings = [
        "Bonjour, je cherche", "Trouve-moi", "Il me faudrait", "Est-ce qu'il y a", "Montre-nous", "je voudrais",
        "Peux-tu me proposer", "Où est",
    ]
    private static let places = [
        "Lyon", "Besançon", "Saint-Étienne", "Nîmes", "le Finistère", "Genève", "L'Haÿ-les-Roses", "Metz",
    ]
    private static let subjects: [(label: String, things: [String])] = [
        ("travel", ["un train pour", "un billet de TGV vers", "le prochain car en direction de", "un aller-retour à"]),
        ("stay", ["une chambre d'hôtel à", "un gîte près de", "une auberge calme à", "un studio meublé à"]),
        ("eat", ["une crêperie à", "un restaurant végétarien à", "où dîner ce soir à", "une bonne table à"]),
        ("other", ["la météo de demain à", "le maire de", "une recette de", "l'histoire de"]),
    ]

    /// The sentence of a number, which it ends with.
    static func sentence(_ number: Int) -> String { labelled(number).text }

    /// Sentences from which a small model learns in no time. Some labels are wrong, so that it is never quite sure and gives
    /// different sentences different distributions.
    static func labelled(_ number: Int) -> (label: String, text: String) {
        let subject = subjects[number % subjects.count]
        let thing = subject.things[number / 4 % subject.things.count]
        let text =
            "\(openings[number / 16 % openings.count]) \(thing) \(places[number / 128 % places.count]), \(number)"
        let label = number / 7 % 5 == 0 ? subjects[number / 3 % subjects.count].label : subject.label
        return (label, text)
    }
}
