import Gateway
import Testing

@Suite("Slot table")
struct SlotTableTests {
    @Test("finds what was inserted") func findsWhatWasInserted() {
        var table = SlotTable<String>()
        let first = table.insert("first")
        let second = table.insert("second")
        #expect(table[first] == "first")
        #expect(table[second] == "second")
        #expect(table.count == 2)
    }

    @Test("tells a new tenant from the old one") func tellsANewTenantFromTheOldOne() {
        var table = SlotTable<String>()
        let old = table.insert("old")
        let removed = table.remove(old)
        #expect(removed == "old")
        let new = table.insert("new")
        #expect(table[old] == nil)
        let removedAgain = table.remove(old)
        #expect(removedAgain == nil)
        let updated: Void? = table.update(old) { $0 = "changed" }
        #expect(updated == nil)
        #expect(table[new] == "new")
        #expect(table.count == 1)
    }

    @Test("survives a token that no table made") func survivesATokenThatNoTableMade() {
        var table = SlotTable<Int>()
        let token = SlotTable<Int>.Token(rawValue: .max)
        let removed = table.remove(token)
        #expect(removed == nil)
    }

    @Test("uses slots again") func usesSlotsAgain() {
        var table = SlotTable<Int>()
        var slots: Set<UInt> = []
        for value in 0..<100 {
            let token = table.insert(value)
            slots.insert(token.rawValue & 0xFFFF_FFFF)
            table.remove(token)
        }
        #expect(slots == [0])
    }

    @Test("visits what is there") func visitsWhatIsThere() {
        var table = SlotTable<Int>()
        let tokens = (0..<5).map { table.insert($0) }
        table.remove(tokens[1])
        table.remove(tokens[3])
        var seen: [Int] = []
        table.forEach { token, value in
            seen.append(value)
            #expect(table[token] == value)
        }
        #expect(seen.sorted() == [0, 2, 4])
    }
}
