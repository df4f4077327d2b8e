import Kafka
import Messages

/// A setting that the worker cannot run with.
package struct WorkerConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The setting's name, as in ``WorkerConfiguration``.
    package let setting: String
    /// What is wrong with it.
    package let problem: String

    /// One line for the person who set it.
    package var description: String { "\(setting): \(problem)" }
}

extension WorkerConfiguration {
    /// Checks every setting on its own, and the rules between settings.
    package func validate() throws(WorkerConfigurationError) {
        try require(!group.isEmpty, "group", "must not be empty")
        try require(maximumTextBytes > 0, "maximumTextBytes", "must be positive")
        try validateFields()
        try require(modelCheckInterval >= .zero, "modelCheckInterval", "must not be negative")
        for (name, value) in [
            ("sessionTimeout", sessionTimeout), ("commitInterval", commitInterval),
            ("rebalanceDrainTimeout", rebalanceDrainTimeout), ("shutdownTimeout", shutdownTimeout),
            ("startTimeout", startTimeout),
        ] {
            try require(value > .zero, name, "must be positive")
        }
        if let adminPort {
            try require((0...65_535).contains(adminPort), "adminPort", "must be a port, 0 to 65535")
        }
        if let instanceID {
            try require(
                !instanceID.isEmpty && TopicNames.consistsOfNameCharacters(instanceID), "instanceID",
                "must consist of letters, digits, '.', '_' and '-'")
        }
        try validateTopics()
        try validateReplies()
        try validate(bulk, named: "bulk")
        try validate(interactive, named: "interactive")
        try validateDelivery()
        try validateProperties()
        try validateGroupProtocol()
    }

    private func validateFields() throws(WorkerConfigurationError) {
        try require(!textFields.isEmpty, "textFields", "needs a JSON Pointer, such as /text")
        for pointer in textFields + [idField] {
            try require(
                JSONPointer(pointer) != nil, pointer == idField ? "idField" : "textFields",
                "'\(pointer)' is not a JSON Pointer, such as /text or /payload/after/text")
        }
        guard case .named(let names) = copiedHeaders else { return }
        for name in names {
            try require(
                !name.withUnsafeBytes(HeaderName.hasMeaning), "copiedHeaders",
                "'\(String(decoding: name, as: UTF8.self))' has a meaning of its own and is not copied")
        }
    }

    private func validateTopics() throws(WorkerConfigurationError) {
        for topic in topics.all + allowedReplyTopics + replies.routes.map(\.topic) {
            try require(
                TopicNames.isValid(topic), "topics",
                "'\(topic)' is not a valid topic name: letters, digits, '.', '_' and '-', at most 249")
        }
        let inputs = [topics.requests, topics.interactive]
        try require(inputs[0] != inputs[1], "topics", "the two lanes need two topics, both are '\(inputs[0])'")
        let outputs = replyTopics + replies.routes.map(\.topic)
        for output in outputs + [topics.deadLetters] {
            try require(
                !inputs.contains(output), "topics", "'\(output)' is read and written: the worker would answer itself")
        }
        try require(
            !outputs.contains(topics.deadLetters), "topics", "dead letters and replies need different topics")
    }

    private func validateReplies() throws(WorkerConfigurationError) {
        if case .fixed(let threshold) = replies.unsureBelow {
            try require((0...1).contains(threshold), "unsureBelow", "must be from 0 to 1, or 'model'")
        }
        try require(!replies.unsureLabel.isEmpty, "unsureLabel", "must not be empty")
        try require(
            replies.unsureBelow == nil || replies.unsureLabel != ReplySettings.Route.error
                || replies.errorTopic == nil, "unsureLabel", "'error' is what --route error=… means")
        try require(replies.top.map { $0 > 0 } ?? true, "top", "must be 1 or more")
        let isUnsure = replies.unsureBelow != nil
        for route in replies.routes {
            try require(!route.label.isEmpty, "routes", "a route needs a label, as in unsure=sentences.review")
            try require(
                isUnsure || route.label != ReplySettings.Route.unsure, "routes",
                "unsure=\(route.topic) needs --unsure-below: without it no reply is unsure")
            func meaning(_ label: String) -> String {
                isUnsure && label == replies.unsureLabel ? ReplySettings.Route.unsure : label
            }
            let topics = replies.routes.filter { meaning($0.label) == meaning(route.label) }.map(\.topic)
            try require(
                topics.count == 1, "routes",
                "'\(route.label)' has \(topics.count) topics: \(topics.joined(separator: ", "))")
        }
        if replies.encoding == .avro {
            try require(
                replies.format == .flat, "encoding", "Avro is for flat replies: use --reply-format flat")
            try require(registry != nil, "encoding", "Avro needs --schema-registry-url")
        }
        guard replies.format == .enriched else { return }
        let read = (textFields + [idField]).compactMap { JSONPointer($0)?.firstToken }
        try require(
            !replies.enrichField.isEmpty && !(read + ["text"]).contains(replies.enrichField), "enrichField",
            replies.enrichField.isEmpty
                ? "must not be empty" : "'\(replies.enrichField)' would replace what the request has there")
    }

    private func validate(_ lane: LaneSettings, named name: String) throws(WorkerConfigurationError) {
        try require(
            (1...65_536).contains(lane.maximumBatchRecords), "\(name).maximumBatchRecords", "must be 1 to 65536")
        try require(
            (1...4_096).contains(lane.maximumInFlightBatches), "\(name).maximumInFlightBatches", "must be 1 to 4096")
        try require(lane.maximumBatchDuration > .zero, "\(name).maximumBatchDuration", "must be positive")
        try require(lane.pauseAfter > .zero, "\(name).pauseAfter", "must be positive")
    }

    private func validateDelivery() throws(WorkerConfigurationError) {
        // The interactive lane has no transactions.
        guard delivery == .exactlyOnce, lanes != .interactive else { return }
        try require(
            instanceID != nil, "instanceID",
            "exactly-once delivery needs one, stable over restarts and unlike any other worker's")
        try require(transactions.maximumRecords > 0, "transactions.maximumRecords", "must be positive")
        try require(transactions.maximumAge > .zero, "transactions.maximumAge", "must be positive")
        try require(
            transactions.timeout > transactions.maximumAge, "transactions.timeout",
            "must be longer than transactions.maximumAge")
    }

    private func validateProperties() throws(WorkerConfigurationError) {
        for (name, why) in LaneProperties.reserved {
            for properties in [kafka, bulk.kafka, interactive.kafka] where properties[name] != nil {
                throw WorkerConfigurationError(setting: name, problem: "is set by the worker: \(why)")
            }
        }
        try require(kafka["bootstrap.servers"]?.isEmpty == false, "bootstrap.servers", "must not be empty")
    }

    private func validateGroupProtocol() throws(WorkerConfigurationError) {
        guard groupProtocol == .consumer else { return }
        for name in LaneProperties.classicOnly {
            for properties in [kafka, bulk.kafka, interactive.kafka] where properties[name] != nil {
                throw WorkerConfigurationError(
                    setting: name, problem: "is the brokers' to decide with --group-protocol consumer: leave it out")
            }
        }
    }

    private func require(_ holds: Bool, _ setting: String, _ problem: String) throws(WorkerConfigurationError) {
        guard holds else { throw WorkerConfigurationError(setting: setting, problem: problem) }
    }
}
