package import Classification
package import Messages

/// What replies hold, what they decide, and where they go.
package struct ReplySettings: Sendable {
    /// The encodings of flat replies.
    package enum Encoding: String, Sendable, CaseIterable {
        case json
        /// Avro in a schema registry's framing.
        case avro
    }

    /// What replies repeat in headers.
    package enum Header: String, Sendable, CaseIterable {
        case label, confidence
    }

    /// When a reply says that it is unsure.
    package enum Threshold: Sendable, Hashable {
        /// The likeliest class is less probable than this.
        case fixed(Double)
        /// It is less probable than what the model was trained to answer with.
        case model
    }

    /// A topic for the replies with one label.
    package struct Route: Sendable, Hashable {
        /// A class of the model, or ``unsure`` or ``error``.
        package var label: String
        package var topic: String

        /// The replies that are unsure, whatever their label is called.
        package static let unsure = "unsure"
        /// Error replies.
        package static let error = "error"

        package init(label: String, topic: String) {
            self.label = label
            self.topic = topic
        }
    }

    /// The format of replies to requests that name no reply topic; all others are full.
    package var format = ReplyFormat.full
    /// The encoding of flat replies.
    package var encoding = Encoding.json
    /// The field that enriched replies add.
    package var enrichField = "classification"
    /// The most classes in `probabilities`, for requests that name no reply topic; nil for all.
    package var top: Int?
    /// What replies repeat in headers.
    package var headers: Set<Header> = []
    /// When a reply says that it is unsure; nil for never.
    package var unsureBelow: Threshold?
    /// The label of unsure replies.
    package var unsureLabel = "unsure"
    /// Topics for replies to requests that name no reply topic, by label. Others go to the topic of replies.
    package var routes: [Route] = []

    /// The defaults.
    package init() {}

    /// Whether topics of replies hold errors too; without, errors are dead letters alone unless a route says otherwise.
    var repliesErrors: Bool { format == .full }

    /// When replies of this model are unsure.
    func rule(for model: ModelDescription) -> UnsureRule? {
        switch unsureBelow {
        case nil: nil
        case .fixed(let threshold): UnsureRule(below: threshold, label: unsureLabel)
        // A model without one is refused before it is used.
        case .model: UnsureRule(below: model.threshold ?? 0, label: unsureLabel)
        }
    }

    /// Refuses a model that cannot be used with these settings.
    package func check(_ model: ModelDescription) throws(WorkerError) {
        guard unsureBelow == .model, model.threshold == nil else { return }
        throw WorkerError(
            code: .modelUnusable,
            message: "--unsure-below model: \(model.identifier) has no threshold of its own; train it with "
                + "--target-precision, or give a number from 0 to 1")
    }

    /// What does not fit the model, but may with another; one line each.
    package func findings(on model: ModelDescription) -> [String] {
        var findings: [String] = []
        for route in routes where !model.labels.contains(route.label) && !isReserved(route.label) {
            findings.append("--route \(route.label)=\(route.topic): \(model.identifier) has no class of this name")
        }
        for route in routes where model.labels.contains(route.label) && isReserved(route.label) {
            findings.append(
                "--route \(route.label)=\(route.topic): \(model.identifier) has a class of this name; the route does not apply to it"
            )
        }
        if unsureBelow != nil, model.labels.contains(unsureLabel) {
            findings.append(
                "--unsure-label \(unsureLabel): \(model.identifier) has a class of this name; only \"best\" tells them apart"
            )
        }
        return findings
    }

    /// Whether a route of this label means unsure replies or errors, not a class.
    private func isReserved(_ label: String) -> Bool {
        label == Route.error || label == Route.unsure || (unsureBelow != nil && label == unsureLabel)
    }

    /// The topic of unsure replies, if they have one of their own.
    var unsureTopic: String? {
        routes.last { $0.label == Route.unsure || ($0.label == unsureLabel && unsureBelow != nil) }?.topic
    }

    /// The topic of errors, if they have one of their own.
    var errorTopic: String? { routes.last { $0.label == Route.error }?.topic }

    /// The topic of replies with a class as label, if they have one of their own.
    func topic(of label: String) -> String? {
        isReserved(label) ? nil : routes.last { $0.label == label }?.topic
    }
}
