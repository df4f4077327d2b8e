/// What the producer hands back with a delivery report: which batch, which of its records, and what was sent for it.
package struct DeliveryToken: Hashable {
    /// What was sent for a request.
    package enum Part: UInt8, CaseIterable, Sendable {
        case reply = 0
        case deadLetter
    }

    /// The batch's place in the window.
    package let slot: Int
    /// The record's index in its batch.
    package let record: Int
    /// What was sent.
    package let part: Part

    package init(slot: Int, record: Int, part: Part) {
        self.slot = slot
        self.record = record
        self.part = part
    }

    /// Takes apart what ``bits`` put together.
    package init(bits: UInt) {
        slot = Int(bits >> 32)
        record = Int(bits >> 1 & 0x7fff_ffff)
        part = bits & 1 == 0 ? .reply : .deadLetter
    }

    package var bits: UInt { UInt(slot) << 32 | UInt(record) << 1 | UInt(part.rawValue) }
}
