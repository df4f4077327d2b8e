/// Line splitting, the same for every format: lines end at LF, CRLF or CR, and at no other character.
enum Lines {
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")

    /// The start of the next line, if a line ends at `place`.
    @inline(__always)
    static func next(after place: Int, in bytes: [UInt8]) -> Int? {
        switch bytes[place] {
        case lineFeed: place + 1
        case carriageReturn: place + 1 < bytes.count && bytes[place + 1] == lineFeed ? place + 2 : place + 1
        default: nil
        }
    }

    /// Calls `body` with the bytes of each line and its number.
    static func forEach(
        in bytes: [UInt8], _ body: (_ line: Range<Int>, _ number: Int) throws(DataError) -> Void
    ) throws(DataError) {
        var start = 0
        var number = 1
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != lineFeed, bytes[end] != carriageReturn { end += 1 }
            try body(start..<end, number)
            guard end < bytes.count else { return }
            start = next(after: end, in: bytes) ?? bytes.count
            number += 1
        }
    }
}

/// Maps byte offsets to line numbers; fast when the offsets mostly ascend.
struct LineCounter {
    private let bytes: [UInt8]
    private var place = 0
    private var line = 1

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The number of the line that holds the byte at `target`.
    mutating func line(of target: Int) -> Int {
        if target < place { (place, line) = (0, 1) }
        while place < min(target, bytes.count) {
            guard let next = Lines.next(after: place, in: bytes) else {
                place += 1
                continue
            }
            // Between CR and LF the line has not ended yet.
            guard next <= target else { break }
            place = next
            line += 1
        }
        return line
    }
}
