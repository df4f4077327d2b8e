/// The names of the five topics.
package struct TopicNames: Sendable, Hashable {
    /// Bulk requests.
    package var requests = "sentences"
    /// Requests that somebody waits for.
    package var interactive = "sentences.interactive"
    /// Replies to requests that name no reply topic.
    package var replies = "classifications"
    /// Replies to gateways.
    package var gatewayReplies = "classifications.replies"
    /// Requests that could not be classified.
    package var deadLetters = "sentences.dead-letters"

    /// The default names.
    package init() {}

    /// All five, requests first.
    package var all: [String] { [requests, interactive, replies, gatewayReplies, deadLetters] }

    /// Kafka's rule for names of topics: letters, digits, `.`, `_` and `-`, at most 249, not `.` or `..`.
    package static func isValid(_ name: String) -> Bool {
        (1...249).contains(name.utf8.count) && consistsOfNameCharacters(name) && name != "." && name != ".."
    }

    /// Whether these are all letters, digits, `.`, `_` and `-`.
    package static func consistsOfNameCharacters(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

/// The consumer groups of the workers, one for each lane, so that a rebalance of one never pauses the other.
package struct ConsumerGroups: Sendable, Hashable {
    /// Of the bulk lane: the name that workers are given.
    package let bulk: String
    /// Of the interactive lane.
    package let interactive: String

    /// The groups of workers that were told this name.
    package init(_ name: String = "triage") {
        bulk = name
        interactive = name + "-interactive"
    }
}
