import Messages

/// The topics of replies: the default, those that requests may name, and those of the routes. A class, since it is looked
/// at for each record and a copy would count many references.
package final class ReplyTopics: Sendable {
    /// All of them, the default first.
    package let names: [String]
    /// Those that requests may name.
    private let allowed: [[UInt8]]
    private let settings: ReplySettings
    /// The index of the topic of unsure replies.
    let unsure: Int
    /// The index of the topic of errors; nil if they are dead letters alone.
    let errors: Int?

    /// - Parameter allowed: those that requests may name, the default first.
    package init(_ allowed: [String], settings: ReplySettings = ReplySettings()) {
        var names = allowed
        for route in settings.routes where !names.contains(route.topic) { names.append(route.topic) }
        self.names = names
        self.allowed = allowed.map { Array($0.utf8) }
        self.settings = settings
        func index(_ topic: String?) -> Int? { topic.flatMap { names.firstIndex(of: $0) } }
        unsure = index(settings.unsureTopic) ?? 0
        errors = index(settings.errorTopic) ?? (settings.repliesErrors ? 0 : nil)
    }

    /// The index of the topic that a request names, or of the default if it names none; `nil` if it is not allowed.
    package func index(of name: UnsafeRawBufferPointer?) -> Int? {
        guard let name else { return 0 }
        // Few names: comparing beats hashing.
        return allowed.firstIndex { known in known.withUnsafeBytes { $0.equals(name) } }
    }

    /// The index of the topic of an answer.
    package func index(of answer: borrowing Answer) -> Int {
        answer.plan.failure == nil || answer.isDirected ? answer.topic : errors ?? 0
    }

    /// The index of the topic of each class of a model.
    func topics(of labels: [String]) -> [Int] {
        labels.map { settings.topic(of: $0).flatMap { names.firstIndex(of: $0) } ?? 0 }
    }

    /// The topics that get classifications in the chosen format, by index.
    var classifications: [(index: Int, name: String)] {
        let topics =
            [0, unsure]
            + settings.routes.compactMap { route in
                settings.topic(of: route.label).flatMap { names.firstIndex(of: $0) }
            }
        return Set(topics).sorted().map { ($0, names[$0]) }
    }
}
