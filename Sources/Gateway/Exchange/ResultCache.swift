package import Platform

/// The answers given lately, the least recently used going first, each for a limited time.
///
/// All of them come from one model: whoever owns the cache empties it when another model takes over, so the sentence
/// alone is the key. Looking up, adding and evicting take constant time: a dictionary from sentence to slot, and the
/// slots linked into a ring by age.
package struct ResultCache: Sendable {
    private struct Entry: Sendable {
        var sentence: Sentence
        var answer: Answer
        var expiry: MonotonicTime
        var newer: Int
        var older: Int
    }

    /// How many answers it may hold; 0 turns it off.
    package let capacity: Int
    /// For how long an answer is good, in nanoseconds.
    package let timeToLive: UInt64
    /// Longer sentences are not kept, so that memory is bounded by the number of answers. In bytes.
    package let maximumSentenceBytes: Int

    private var slots: [Sentence: Int] = [:]
    private var entries: [Entry] = []
    private var vacant: [Int] = []
    /// The most and the least recently used, or -1.
    private var newest = -1
    private var oldest = -1

    package init(capacity: Int, timeToLive: Duration, maximumSentenceBytes: Int = 1_024) {
        self.capacity = capacity
        self.timeToLive = UInt64(clamping: timeToLive.nanoseconds)
        self.maximumSentenceBytes = maximumSentenceBytes
    }

    package var count: Int { slots.count }

    /// The answer kept for the sentence, which is then the most recently used one.
    package mutating func answer(to sentence: Sentence, now: MonotonicTime) -> Answer? {
        guard capacity > 0, let slot = slots[sentence] else { return nil }
        guard now < entries[slot].expiry else {
            remove(slot)
            return nil
        }
        unlink(slot)
        linkAsNewest(slot)
        return entries[slot].answer
    }

    package mutating func insert(_ answer: Answer, for sentence: Sentence, now: MonotonicTime) {
        guard capacity > 0, sentence.bytes.count <= maximumSentenceBytes else { return }
        let expiry = MonotonicTime(nanoseconds: now.nanoseconds &+ timeToLive)
        if let slot = slots[sentence] {
            entries[slot].answer = answer
            entries[slot].expiry = expiry
            unlink(slot)
            linkAsNewest(slot)
            return
        }
        if slots.count == capacity { remove(oldest) }
        let entry = Entry(sentence: sentence, answer: answer, expiry: expiry, newer: -1, older: -1)
        let slot: Int
        if let vacancy = vacant.popLast() {
            slot = vacancy
            entries[slot] = entry
        } else {
            slot = entries.count
            entries.append(entry)
        }
        slots[sentence] = slot
        linkAsNewest(slot)
    }

    package mutating func removeAll() {
        slots.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
        vacant.removeAll(keepingCapacity: true)
        newest = -1
        oldest = -1
    }

    private mutating func remove(_ slot: Int) {
        unlink(slot)
        slots.removeValue(forKey: entries[slot].sentence)
        vacant.append(slot)
    }

    private mutating func unlink(_ slot: Int) {
        let (newer, older) = (entries[slot].newer, entries[slot].older)
        if newer >= 0 { entries[newer].older = older } else { newest = older }
        if older >= 0 { entries[older].newer = newer } else { oldest = newer }
    }

    private mutating func linkAsNewest(_ slot: Int) {
        entries[slot].newer = -1
        entries[slot].older = newest
        if newest >= 0 { entries[newest].newer = slot } else { oldest = slot }
        newest = slot
    }
}
