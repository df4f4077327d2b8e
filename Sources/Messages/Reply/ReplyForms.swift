import Platform

/// The formats of replies to requests that name no reply topic.
package enum ReplyFormat: String, Sendable, CaseIterable {
    /// Id, label, the probability of each class, model.
    case full
    /// One value for each column: id, label, confidence, model, time.
    case flat
    /// The request's own object with one field more.
    case enriched
}

extension ReplyEncoder {
    /// Appends the flat reply, `{"id":"…","label":"…","confidence":0.912345,"model":"…","classified_at":"…"}`, and returns
    /// its range. An unsure one has `best` too.
    ///
    /// - Parameter now: Unix milliseconds.
    package func encodeFlat(
        _ decision: Decision, id: UnsafeRawBufferPointer?, source: RecordSource, now: Int64, into arena: ByteArena
    ) -> Range<Int> {
        let maximum = maximumDistribution + JSONEscaping.maximumLength(of: model.count) + Timestamp.length
        return arena.write(atMost: maximum + Self.maximumLength(id: id, source: source)) { cursor in
            Self.putID(id, source: source, to: &cursor)
            cursor.put(",\"label\":")
            putLabel(decision, to: &cursor)
            putConfidence(decision, to: &cursor)
            cursor.put(",\"model\":")
            model.withUnsafeBytes { cursor.put(jsonString: $0) }
            cursor.put(",\"classified_at\":\"")
            cursor.put(timestamp: now)
            cursor.put("\"}")
        }
    }

    /// Appends the request's own value with the classification as one field more, and returns its range.
    package func encodeEnriched(
        _ decision: Decision, _ value: RequestValue, probabilities: UnsafeBufferPointer<Float>, into arena: ByteArena
    ) -> Range<Int> {
        let field = fieldHead.count + maximumDistribution
        switch value {
        case .object(let bytes, let site):
            let count = max(1, site.replaced.count)
            return arena.write(atMost: bytes.count + count * field + 1) { cursor in
                guard !site.replaced.isEmpty else {
                    cursor.put(bytes.slice(0..<site.end))
                    cursor.put(UInt8(ascii: ","))
                    putField(decision, probabilities, to: &cursor)
                    return cursor.put(bytes.slice(site.end..<bytes.count))
                }
                var position = 0
                for range in site.replaced {
                    cursor.put(bytes.slice(position..<range.lowerBound))
                    putClassification(decision, probabilities, to: &cursor)
                    position = range.upperBound
                }
                cursor.put(bytes.slice(position..<bytes.count))
            }
        case .other(let bytes):
            return arena.write(atMost: bytes.count + field + 16) { cursor in
                cursor.put("{\"value\":")
                cursor.put(bytes)
                cursor.put(UInt8(ascii: ","))
                putField(decision, probabilities, to: &cursor)
                cursor.put(UInt8(ascii: "}"))
            }
        case .text(let bytes):
            return arena.write(atMost: JSONEscaping.maximumLength(of: bytes.count) + field + 16) { cursor in
                cursor.put("{\"text\":")
                cursor.put(jsonString: bytes)
                cursor.put(UInt8(ascii: ","))
                putField(decision, probabilities, to: &cursor)
                cursor.put(UInt8(ascii: "}"))
            }
        }
    }

    /// `"classification":{…}`
    private func putField(
        _ decision: Decision, _ probabilities: UnsafeBufferPointer<Float>, to cursor: inout ByteCursor
    ) {
        fieldHead.withUnsafeBytes { cursor.put($0) }
        putDistribution(decision, probabilities, to: &cursor)
    }

    /// `{"label":"…",…}`
    private func putClassification(
        _ decision: Decision, _ probabilities: UnsafeBufferPointer<Float>, to cursor: inout ByteCursor
    ) {
        cursor.put("{\"label\":")
        putDistribution(decision, probabilities, to: &cursor)
    }

    private func putDistribution(
        _ decision: Decision, _ probabilities: UnsafeBufferPointer<Float>, to cursor: inout ByteCursor
    ) {
        putLabel(decision, to: &cursor)
        putConfidence(decision, to: &cursor)
        putProbabilities(probabilities, decision, to: &cursor)
    }

    /// Appends the label as it is, then the confidence; returns the range of each. For headers.
    package func encodeLabel(
        _ decision: Decision, into arena: ByteArena
    ) -> (label: Range<Int>, confidence: Range<Int>) {
        let label = arena.write(atMost: labels.length(of: labelIndex(decision))) { cursor in
            labels.put(labelIndex(decision), to: &cursor)
        }
        let confidence = arena.write(atMost: decimals + 2) {
            $0.put(fraction: decision.confidence, digits: decimals)
        }
        return (label, confidence)
    }

    /// The index in ``labels``.
    private func labelIndex(_ decision: Decision) -> Int { decision.isUnsure ? labels.count - 1 : decision.best }

    /// Appends the flat reply as Avro in a schema registry's framing, and returns its range. ``FlatSchema`` is its schema.
    ///
    /// - Parameters:
    ///   - schema: the registry's id of the schema.
    ///   - hasBest: whether the schema has the field `best`.
    ///   - now: Unix milliseconds.
    package func encodeFlatAvro(
        _ decision: Decision, schema: Int32, hasBest: Bool, id: UnsafeRawBufferPointer?, source: RecordSource,
        now: Int64, into arena: ByteArena
    ) -> Range<Int> {
        let label = labelIndex(decision)
        let maximum =
            64 + (id?.count ?? source.maximumLength) + labels.length(of: label) + labels.length(of: decision.best)
            + model.count + 5 * 10
        return arena.write(atMost: maximum) { cursor in
            cursor.put(0)
            cursor.put(bigEndian: schema)
            if let id {
                cursor.put(avroString: id)
            } else {
                withUnsafeTemporaryAllocation(byteCount: source.maximumLength, alignment: 1) { place in
                    guard let start = place.baseAddress else { return }
                    var written = ByteCursor(start)
                    source.write(to: &written)
                    cursor.put(avroString: UnsafeRawBufferPointer(start: start, count: written.position - start))
                }
            }
            cursor.put(avroLong: Int64(labels.length(of: label)))
            labels.put(label, to: &cursor)
            if hasBest {
                // The branch of the union: null, or a string.
                cursor.put(avroLong: decision.isUnsure ? 1 : 0)
                if decision.isUnsure {
                    cursor.put(avroLong: Int64(labels.length(of: decision.best)))
                    labels.put(decision.best, to: &cursor)
                }
            }
            cursor.put(avroDouble: Double(decision.confidence) / Self.units[decimals])
            model.withUnsafeBytes { cursor.put(avroString: $0) }
            cursor.put(avroLong: now)
        }
    }
}

/// The Avro schema of flat replies.
package enum FlatSchema {
    /// - Parameter hasBest: whether replies may be unsure, and then name the likeliest class.
    package static func text(hasBest: Bool) -> String {
        let best = hasBest ? #"{"name":"best","type":["null","string"],"default":null},"# : ""
        return #"{"type":"record","name":"Classification","namespace":"triage","fields":["#
            + #"{"name":"id","type":"string"},{"name":"label","type":"string"},"# + best
            + #"{"name":"confidence","type":"double"},{"name":"model","type":"string"},"#
            + #"{"name":"classified_at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#
    }
}

extension ByteCursor {
    /// Writes a long as Avro does: zigzag, then seven bits a byte, the lowest first.
    fileprivate mutating func put(avroLong value: Int64) {
        var rest = UInt64(bitPattern: value << 1 ^ value >> 63)
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    fileprivate mutating func put(avroString bytes: UnsafeRawBufferPointer) {
        put(avroLong: Int64(bytes.count))
        put(bytes)
    }

    fileprivate mutating func put(avroDouble value: Double) {
        let bits = value.bitPattern.littleEndian
        withUnsafeBytes(of: bits) { put($0) }
    }
}
