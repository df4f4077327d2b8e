/// Encodes requests, for programs that send sentences.
package struct RequestEncoder: Sendable {
    /// Makes an encoder.
    package init() {}

    /// Appends `{"id":"…","text":"…"}`, without `id` if it is nil, and returns its range. Both are UTF-8.
    package func encode(
        text: UnsafeRawBufferPointer, id: UnsafeRawBufferPointer? = nil, into arena: ByteArena
    ) -> Range<Int> {
        let maximum = 32 + JSONEscaping.maximumLength(of: text.count) + JSONEscaping.maximumLength(of: id?.count ?? 0)
        return arena.write(atMost: maximum) { cursor in
            cursor.put("{")
            if let id {
                cursor.put("\"id\":")
                cursor.put(jsonString: id)
                cursor.put(",")
            }
            cursor.put("\"text\":")
            cursor.put(jsonString: text)
            cursor.put("}")
        }
    }

    /// Appends `{"id":"…","text":"…"}`, without `id` if it is nil, and returns its range.
    package func encode(text: String, id: String? = nil, into arena: ByteArena) -> Range<Int> {
        var text = text
        var id = id
        return text.withUTF8 { text in
            guard id != nil else { return encode(text: UnsafeRawBufferPointer(text), into: arena) }
            return id!.withUTF8 { id in
                encode(text: UnsafeRawBufferPointer(text), id: UnsafeRawBufferPointer(id), into: arena)
            }
        }
    }
}
