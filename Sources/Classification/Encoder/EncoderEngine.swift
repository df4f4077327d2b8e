/// What one thread encodes with. Sentences are tokenised together, sorted by their number of tokens and cut into small
/// batches, so that little is computed for padding.
///
/// Results depend a little on a sentence's neighbours in its batch: see ``TextEncoder/neighbourBound``.
package final class EncoderEngine {
    /// The two requests, which outlive an engine.
    struct Parts: @unchecked Sendable {
        // Used by one engine at a time; hence `@unchecked Sendable`.
        let tokenizer: InferenceRequest
        let network: InferenceRequest
    }

    /// The most tokens in a small batch, padding included: more is slower again, as it does not fit the caches.
    private static let paddedTokens = 1_024
    /// Lengths are rounded up to this: OpenVINO prepares its kernels anew for every shape.
    private static let rounding = 4

    private let encoder: TextEncoder
    private let parts: Parts
    private let prefix: [UInt8]
    private var text: [UInt8] = []
    private var starts: [Int] = []
    private var pointers: [UnsafePointer<CChar>] = []
    /// The number of tokens of each sentence, after cutting.
    private var lengths: [Int32] = []
    private var order: [Int32] = []
    private var ids: UnsafeMutablePointer<Int64>
    private var mask: UnsafeMutablePointer<Int64>
    private var types: UnsafeMutablePointer<Int64>
    private var room: Int
    private var row: [Float]
    /// How many of an empty sentence's tokens stand at its end; they stay when a sentence is cut.
    private var ending = 0
    /// The tokens that a sentence has without any text of its own.
    private var bare: [Int64] = []

    init(_ encoder: TextEncoder, _ parts: Parts) throws(ClassifierError) {
        self.encoder = encoder
        self.parts = parts
        prefix = Array((encoder.description.prefix ?? "").utf8)
        row = [Float](repeating: 0, count: encoder.width)
        room = max(Self.paddedTokens, encoder.maximumTokens + Self.rounding)
        ids = .allocate(capacity: room)
        mask = .allocate(capacity: room)
        types = .allocate(capacity: room)
        types.initialize(repeating: 0, count: room)
        try learnEnding()
    }

    deinit {
        ids.deallocate()
        mask.deallocate()
        types.deallocate()
        encoder.takeBack(parts)
    }

    /// Which tokens a sentence ends with, whatever it says: those that an empty one and another have in common.
    private func learnEnding() throws(ClassifierError) {
        func tokens(_ text: String) throws(ClassifierError) -> [Int64] {
            try withBytes(of: [text]) { sentence throws(ClassifierError) in
                let table = try tokenise(sentence, count: 1, at: { _ in 0 })
                return (0..<table.columns).filter { table.mask[$0] != 0 }.map { table.ids[$0] }
            }
        }
        let other = try tokens("a")
        bare = try tokens("")
        guard bare.count < encoder.maximumTokens else {
            throw ClassifierError(
                code: .backendFailed,
                message: "the encoder \(encoder.name) has \(bare.count) tokens before a sentence begins, and reads "
                    + "\(encoder.maximumTokens); give it more with --max-tokens")
        }
        while ending < bare.count, ending < other.count - 1,
            bare[bare.count - 1 - ending] == other[other.count - 1 - ending]
        {
            ending += 1
        }
    }

    /// Whether a sentence has no token of its own.
    private func isBare(_ place: Int, _ table: TokenTable) -> Bool {
        guard lengths[place] == bare.count else { return lengths[place] == 0 }
        let (row, known) = (table.ids + place * table.columns, table.mask + place * table.columns)
        var next = 0
        for column in 0..<table.columns where known[column] != 0 {
            guard row[column] == bare[next] else { return false }
            next += 1
            if next == bare.count { return true }
        }
        return true
    }

    private struct TokenTable {
        let ids: UnsafePointer<Int64>
        let mask: UnsafePointer<Int64>
        let columns: Int
    }

    /// Encodes some of the sentences.
    ///
    /// - Parameters:
    ///   - sentences: UTF-8 bytes, borrowed for the call. A NUL counts as a space.
    ///   - selected: the indexes of those to encode.
    ///   - outcomes: those of the sentences, in which ``SentenceOutcome/expired`` is noted.
    ///   - isExpired: asked right before each small batch; such sentences are left out.
    ///   - body: gets each sentence's index and row, borrowed for the call; nil for a row if the sentence has no token of its
    ///     own.
    package func encode(
        _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>, selected: [Int],
        outcomes: UnsafeMutablePointer<SentenceOutcome>? = nil, isExpired: (Int) -> Bool = { _ in false },
        _ body: (Int, UnsafeBufferPointer<Float>?) -> Void
    ) throws(ClassifierError) {
        guard !selected.isEmpty else { return }
        let table = try tokenise(sentences, count: selected.count) { selected[$0] }
        measure(table, count: selected.count)
        var start = 0
        var batch: [Int] = []
        while start < order.count {
            batch.removeAll(keepingCapacity: true)
            var longest = 0
            while start < order.count {
                let place = Int(order[start])
                if isBare(place, table) {
                    body(selected[place], nil)
                    start += 1
                    continue
                }
                let length = (max(1, Int(lengths[place])) + Self.rounding - 1) / Self.rounding * Self.rounding
                guard batch.isEmpty || (batch.count + 1) * length <= Self.paddedTokens else { break }
                start += 1
                guard !isExpired(selected[place]) else {
                    outcomes?[selected[place]] = .expired
                    continue
                }
                batch.append(place)
                longest = length
            }
            guard !batch.isEmpty else { continue }
            try run(batch, columns: longest, table)
            try deliver(batch, selected, columns: longest, body)
        }
    }

    /// Encodes strings, for training: gets each one's index and row; a string without a token of its own has none.
    func embed(_ texts: ArraySlice<String>, _ body: (Int, UnsafeBufferPointer<Float>) -> Void) throws(ClassifierError) {
        try withBytes(of: texts) { sentences throws(ClassifierError) in
            try encode(sentences, selected: Array(sentences.indices)) { index, row in
                if let row { body(index, row) }
            }
        }
    }

    private func tokenise(
        _ sentences: UnsafeBufferPointer<UnsafeRawBufferPointer>, count: Int, at index: (Int) -> Int
    ) throws(ClassifierError) -> TokenTable {
        text.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        for place in 0..<count {
            starts.append(text.count)
            text += prefix
            for byte in sentences[index(place)] { text.append(byte == 0 ? 32 : byte) }
            text.append(0)
        }
        pointers.removeAll(keepingCapacity: true)
        // The pointers hold until the strings are set, which copies them.
        let outcome: Result<Void, ClassifierError> = text.withUnsafeBytes { bytes in
            for start in starts {
                pointers.append(bytes.baseAddress!.advanced(by: start).assumingMemoryBound(to: CChar.self))
            }
            return pointers.withUnsafeBufferPointer { pointers in
                Result { () throws(ClassifierError) in try parts.tokenizer.set(pointers) }
            }
        }
        try outcome.get()
        try parts.tokenizer.run()
        let ids = try parts.tokenizer.result(encoder.idOutput, as: Int64.self, rank: 2...2)
        let mask = try parts.tokenizer.result(encoder.maskOutput, as: Int64.self, rank: 2...2)
        guard ids.dimensions.0 == count, mask.dimensions.0 == count, ids.dimensions.1 == mask.dimensions.1 else {
            throw .backend(encoder.name)
        }
        return TokenTable(ids: ids.values, mask: mask.values, columns: ids.dimensions.1)
    }

    /// Counts the tokens and sorts by their number, the shortest first.
    private func measure(_ table: TokenTable, count: Int) {
        lengths.removeAll(keepingCapacity: true)
        order.removeAll(keepingCapacity: true)
        for place in 0..<count {
            var length: Int64 = 0
            let row = table.mask + place * table.columns
            for column in 0..<table.columns { length += row[column] }
            lengths.append(Int32(min(Int(length), encoder.maximumTokens)))
            order.append(Int32(place))
        }
        order.sort { (lengths[Int($0)], $0) < (lengths[Int($1)], $1) }
    }

    /// Runs one small batch, the sentences at these places.
    private func run(_ batch: [Int], columns: Int, _ table: TokenTable) throws(ClassifierError) {
        for (line, place) in batch.enumerated() {
            let (from, known) = (table.ids + place * table.columns, table.mask + place * table.columns)
            let (to, marks) = (ids + line * columns, mask + line * columns)
            // A tokenizer may pad on the left.
            var first = 0
            while first < table.columns, known[first] == 0 { first += 1 }
            var all = 0
            while first + all < table.columns, known[first + all] != 0 { all += 1 }
            let length = min(all, Int(lengths[place]))
            for column in 0..<columns {
                to[column] = column < length ? from[first + column] : 0
                marks[column] = column < length ? 1 : 0
            }
            // What was cut off are the last tokens of the text, not those that end every sentence.
            if all > length, ending < length {
                for column in 0..<ending { to[length - 1 - column] = from[first + all - 1 - column] }
            }
        }
        try parts.network.set("input_ids", ids, rows: batch.count, columns: columns)
        try parts.network.set("attention_mask", mask, rows: batch.count, columns: columns)
        if encoder.hasTokenTypes {
            try parts.network.set("token_type_ids", types, rows: batch.count, columns: columns)
        }
        try parts.network.run()
    }

    private func deliver(
        _ batch: [Int], _ selected: [Int], columns: Int, _ body: (Int, UnsafeBufferPointer<Float>?) -> Void
    ) throws(ClassifierError) {
        let width = encoder.width
        let result = try parts.network.result(encoder.output, as: Float.self, rank: 2...3)
        guard let pooling = encoder.pooling else {
            guard result.dimensions.0 == batch.count, result.dimensions.1 == width else { throw .backend(encoder.name) }
            for (line, place) in batch.enumerated() {
                body(selected[place], UnsafeBufferPointer(start: result.values + line * width, count: width))
            }
            return
        }
        guard result.dimensions == (batch.count, columns, width) else { throw .backend(encoder.name) }
        for (line, place) in batch.enumerated() {
            let tokens = result.values + line * columns * width
            row.withUnsafeMutableBufferPointer { row in
                row.update(repeating: 0)
                let count = pooling == .cls ? 1 : min(columns, Int(lengths[place]))
                for token in 0..<count {
                    for column in 0..<width { row[column] += tokens[token * width + column] }
                }
                // The mean's length does not matter: it becomes 1.
                var squares: Float = 0
                for column in 0..<width { squares += row[column] * row[column] }
                let factor = squares > 0 ? 1 / squares.squareRoot() : 0
                for column in 0..<width { row[column] *= factor }
                body(selected[place], UnsafeBufferPointer(row))
            }
        }
    }
}
