import Messages

/// How many dead letters there are of each error code, and from when to when.
struct DeadLetterSummary {
    private struct Entry {
        var count = 0
        var oldest = Int64.max
        var newest = Int64.min
    }

    private var entries: [String: Entry] = [:]

    var count: Int { entries.values.reduce(0) { $0 + $1.count } }

    mutating func add(_ letter: DeadLetter) {
        var entry = entries[letter.code ?? "(no code)", default: Entry()]
        entry.count += 1
        entry.oldest = min(entry.oldest, letter.milliseconds)
        entry.newest = max(entry.newest, letter.milliseconds)
        entries[letter.code ?? "(no code)"] = entry
    }

    /// A table with a header, the most frequent code first; nothing if there is nothing.
    var lines: [String] {
        guard !entries.isEmpty else { return [] }
        let rows = entries.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.map { code, entry in
            [
                code, entry.count.grouped, DeadLetter.time(entry.oldest), DeadLetter.time(entry.newest),
                ErrorCode(rawValue: code)?.isOfRecord == true ? "left out: fails again" : "yes",
            ]
        }
        return TextTable(["code", "count", "oldest", "newest", "replay"], rows, right: [1]).lines
    }
}
