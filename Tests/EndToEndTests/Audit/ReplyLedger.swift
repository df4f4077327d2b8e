import Messages

/// What the replies to one topic's requests add up to. A plain value: records in, findings out.
struct ReplyLedger: Sendable {
    /// Of one partition of the requests.
    private struct Partition {
        /// By offset: how often it was answered, the id that the reply named (-1: none), and how it ended.
        var counts: [UInt8] = []
        var ids: [Int32] = []
        var statuses: [UInt8] = []
        /// The first offset that has no answer.
        var prefix = 0
    }

    private var partitions: [Partition]
    private var latestOffsets: [[UInt8]: Int] = [:]
    private(set) var statusNames: [String] = []
    /// Requests with an answer.
    private(set) var answered = 0
    /// Answers beyond the first.
    private(set) var repeated = 0
    /// First answers that came before one to an earlier request of the same key.
    private(set) var misordered = 0
    /// What was not as it should be, a few of each.
    private(set) var oddities: [String] = []
    /// The names of the models in the order of their first replies, each once for each time it took over.
    private(set) var models: [String] = []

    init(partitions: Int) { self.partitions = Array(repeating: Partition(), count: partitions) }

    /// Takes a reply in. Those of one key are in order within each topic of replies, which `topic` is the number of.
    mutating func add(
        partition: Int, offset: Int, id: Int32, status: String, key: UnsafeRawBufferPointer?, topic: UInt8 = 0
    ) {
        guard partitions.indices.contains(partition), offset >= 0 else {
            return note("a reply to the unknown source \(partition)/\(offset)")
        }
        let missing = offset + 1 - partitions[partition].counts.count
        if missing > 0 {
            partitions[partition].counts += repeatElement(0, count: missing)
            partitions[partition].ids += repeatElement(-1, count: missing)
            partitions[partition].statuses += repeatElement(0, count: missing)
        }
        let number = partitions[partition].counts[offset]
        partitions[partition].counts[offset] = number == .max ? .max : number + 1
        let statusIndex = index(ofStatus: status)
        guard number == 0 else {
            repeated += 1
            if partitions[partition].ids[offset] != id { note("\(partition)/\(offset) was answered with two ids") }
            return
        }
        answered += 1
        partitions[partition].ids[offset] = id
        partitions[partition].statuses[offset] = statusIndex
        if let key {
            let key = [topic] + key
            if let latest = latestOffsets[key], latest > offset { misordered += 1 }
            latestOffsets[key] = max(offset, latestOffsets[key] ?? -1)
        }
    }

    /// Takes the model that a reply names.
    mutating func add(model: String) { if models.last != model { models.append(model) } }

    mutating func note(_ oddity: String) { if oddities.count < 10 { oddities.append(oddity) } }

    /// The first offset of a partition that has no answer.
    mutating func answeredPrefix(of partition: Int) -> Int {
        let counts = partitions[partition].counts
        var prefix = partitions[partition].prefix
        while prefix < counts.count, counts[prefix] > 0 { prefix += 1 }
        partitions[partition].prefix = prefix
        return prefix
    }

    /// How often the request at a place was answered.
    func count(partition: Int, offset: Int) -> Int {
        let counts = partitions[partition].counts
        return offset < counts.count ? Int(counts[offset]) : 0
    }

    /// How the first answer to the request at a place ended.
    func status(partition: Int, offset: Int) -> String? {
        guard count(partition: partition, offset: offset) > 0 else { return nil }
        return statusNames[Int(partitions[partition].statuses[offset])]
    }

    /// Holds the answers against the requests.
    ///
    /// - Returns: the requests without an answer, where some of them are, and those whose answer names another id.
    func compare(with places: RequestLoad.Places) -> (lost: Int, lostPlaces: [String], wrongIDs: Int) {
        var (lost, wrongIDs) = (0, 0)
        var lostPlaces: [String] = []
        var unplaced = places.unplaced
        for (partition, answers) in partitions.enumerated() {
            let numbers = places.numbers[partition]
            for offset in 0..<max(numbers.count, answers.counts.count) {
                let number = offset < numbers.count ? numbers[offset] : -1
                if number < 0 {
                    if count(partition: partition, offset: offset) > 0 { unplaced.remove(answers.ids[offset]) }
                } else if count(partition: partition, offset: offset) == 0 {
                    lost += 1
                    if lostPlaces.count < 50 { lostPlaces.append("\(partition)/\(offset)") }
                } else if answers.ids[offset] != number {
                    wrongIDs += 1
                }
            }
        }
        return (lost + unplaced.count, lostPlaces, wrongIDs)
    }

    private mutating func index(ofStatus status: String) -> UInt8 {
        if let known = statusNames.firstIndex(of: status) { return UInt8(known) }
        statusNames.append(status)
        return UInt8(statusNames.count - 1)
    }
}
