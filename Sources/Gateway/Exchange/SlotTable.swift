/// Values addressed by a small token, which combines an array slot with a generation that detects reused slots.
/// Insertion, lookup and removal take constant time and do not allocate once the table has grown.
package struct SlotTable<Element> {
    /// Identifies an element while it is in the table. Its raw value fits into a C pointer.
    package struct Token: Hashable, Sendable {
        package let rawValue: UInt

        package init(rawValue: UInt) {
            self.rawValue = rawValue
        }

        fileprivate init(slot: Int, generation: UInt32) {
            self.rawValue = UInt(generation) << 32 | UInt(slot)
        }

        fileprivate var slot: Int { Int(rawValue & 0xFFFF_FFFF) }
        fileprivate var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
    }

    fileprivate struct Slot {
        var generation: UInt32
        var element: Element?
    }

    private var slots: [Slot] = []
    private var vacant: [Int] = []

    /// The number of elements.
    package var count: Int { slots.count - vacant.count }

    package init() {}

    package mutating func insert(_ element: Element) -> Token {
        if let slot = vacant.popLast() {
            slots[slot].element = element
            return Token(slot: slot, generation: slots[slot].generation)
        }
        slots.append(Slot(generation: 1, element: element))
        return Token(slot: slots.count - 1, generation: 1)
    }

    /// Removes and returns the element; nil if it is gone.
    @discardableResult
    package mutating func remove(_ token: Token) -> Element? {
        let slot = token.slot
        guard slot < slots.count, slots[slot].generation == token.generation else { return nil }
        guard let element = slots[slot].element.take() else { return nil }
        slots[slot].generation &+= 1
        vacant.append(slot)
        return element
    }

    /// Mutates the element in place and returns the result of `body`; nil if the element is gone.
    package mutating func update<Result>(_ token: Token, _ body: (inout Element) -> Result) -> Result? {
        let slot = token.slot
        guard slot < slots.count, slots[slot].generation == token.generation, slots[slot].element != nil else {
            return nil
        }
        return body(&slots[slot].element!)
    }

    package subscript(token: Token) -> Element? {
        let slot = token.slot
        guard slot < slots.count, slots[slot].generation == token.generation else { return nil }
        return slots[slot].element
    }

    /// Calls `body` for every element, in no particular order.
    package func forEach(_ body: (Token, Element) -> Void) {
        for (index, slot) in slots.enumerated() {
            guard let element = slot.element else { continue }
            body(Token(slot: index, generation: slot.generation), element)
        }
    }
}

extension SlotTable: Sendable where Element: Sendable {}
extension SlotTable.Slot: Sendable where Element: Sendable {}
