/// The names of the five topics.
package struct TopicNames: Sendable, Hashable {
    /// Bulk requests.
    package var requests = "sentences"
    /// Requests whose sender waits for the reply.
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

    /// Kafka's rule for topic names: 1 to 249 letters, digits, `.`, `_` and `-`, but not `.` or `..`.
    package static func isValid(_ name: String) -> Bool {
        (1...249).contains(name.utf8.count) && consistsOfNameCharacters(name) && name != "." && name != ".."
    }

    /// Whether all characters are letters, digits, `.`, `_` or `-`.
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

/// The workers' consumer groups, one per lane, so that a rebalance of one never pauses the other.
package struct ConsumerGroups: Sendable, Hashable {
    /// Group of the bulk lane: the configured name.
    package let bulk: String
    /// Group of the interactive lane.
    package let interactive: String

    /// Derives both groups from the configured name.
    package init(_ name: String = "triage") {
        bulk = name
        interactive = name + "-interactive"
    }
}
