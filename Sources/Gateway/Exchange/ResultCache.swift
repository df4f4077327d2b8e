package import Platform

/// An LRU cache of recent answers with a time to live.
///
/// The sentence alone is the key, because all answers come from one model: the owner clears the cache when the model
/// changes. Lookup, insertion and eviction take constant time, with a dictionary from sentence to slot and the slots in
/// a doubly linked list by last use.
package struct ResultCache: Sendable {
    private struct Entry: Sendable {
        var sentence: Sentence
        var answer: Answer
        var expiry: MonotonicTime
        var newer: Int
        var older: Int
    }

    /// The maximum number of answers; 0 turns the cache off.
    package let capacity: Int
    /// How long an answer is valid, in nanoseconds.
    package let timeToLive: UInt64
    /// The longest sentence to cache, in bytes. It bounds the memory of an entry.
    package let maximumSentenceBytes: Int

    private var slots: [Sentence: Int] = [:]
    private var entries: [Entry] = []
    private var vacant: [Int] = []
    /// The most and the least recently used slot, or -1.
    private var newest = -1
    private var oldest = -1

    package init(capacity: Int, timeToLive: Duration, maximumSentenceBytes: Int = 1_024) {
        self.capacity = capacity
        self.timeToLive = UInt64(clamping: timeToLive.nanoseconds)
        self.maximumSentenceBytes = maximumSentenceBytes
    }

    package var count: Int { slots.count }

    /// The cached answer for the sentence, which becomes the most recently used one.
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
