/// The layout of a linear model file. All numbers are little-endian; sections begin at multiples of 64.
///
///     0   magic, 8 bytes                      32  features
///     8   format version                      36  bits that choose a bucket
///     12  kind of model: 1, sparse linear     40  unit of the weights (Float)
///     16  bytes in the file (64 bits)         44  unit of the masses (Float)
///     24  bytes of metadata                   48  zeros
///     28  classes                             64  metadata (JSON), then the sections, then SHA-256 of all before it
package struct LinearLayout: Equatable {
    package static let magic: [UInt8] = [0x89] + Array("TRIAGE\n".utf8)
    package static let formatVersion: UInt32 = 1
    package static let linearKind: UInt32 = 1
    package static let headerBytes = 64
    package static let digestBytes = 32
    /// More than any model needs, and small enough that no product of the counts overflows.
    package static let mostClasses = 65_536
    package static let mostFeatures = 1 << 28

    package var metadataBytes: Int
    package var classes: Int
    package var features: Int
    package var bucketBits: Int
    package var weightScale: Float
    package var massScale: Float

    /// The number of 8-lane vectors in a row: one lane per class.
    package var chunks: Int { (classes + 7) / 8 }

    package var biases: Int { Self.aligned(Self.headerBytes + metadataBytes) }
    package var bucketStarts: Int { Self.aligned(biases + chunks * 32) }
    package var tags: Int { Self.aligned(bucketStarts + ((1 << bucketBits) + 1) * 4) }
    package var rows: Int { Self.aligned(tags + features * 4) }
    package var digest: Int { Self.aligned(rows + features * chunks * 16) }
    package var fileBytes: Int { digest + Self.digestBytes }

    private static func aligned(_ offset: Int) -> Int { (offset + 63) & ~63 }

    /// Writes the header.
    func store(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.copyBytes(from: Self.magic)
        func store(_ value: UInt32, at offset: Int) {
            bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
        }
        store(Self.formatVersion, at: 8)
        store(Self.linearKind, at: 12)
        bytes.storeBytes(of: UInt64(fileBytes).littleEndian, toByteOffset: 16, as: UInt64.self)
        store(UInt32(metadataBytes), at: 24)
        store(UInt32(classes), at: 28)
        store(UInt32(features), at: 32)
        store(UInt32(bucketBits), at: 36)
        store(weightScale.bitPattern, at: 40)
        store(massScale.bitPattern, at: 44)
    }

    /// Reads the header of a file whose magic and version have been checked; nil if its numbers are invalid.
    package init?(readingFrom bytes: UnsafeRawBufferPointer) {
        func load(_ offset: Int) -> UInt32 {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        metadataBytes = Int(load(24))
        classes = Int(load(28))
        features = Int(load(32))
        bucketBits = Int(load(36))
        weightScale = Float(bitPattern: load(40))
        massScale = Float(bitPattern: load(44))
        guard (2...Self.mostClasses).contains(classes), features <= Self.mostFeatures, (1...30).contains(bucketBits),
            weightScale.isFinite, weightScale > 0, massScale.isFinite, massScale > 0,
            metadataBytes <= bytes.count
        else { return nil }
    }

    package init(
        metadataBytes: Int, classes: Int, features: Int, bucketBits: Int, weightScale: Float, massScale: Float
    ) {
        self.metadataBytes = metadataBytes
        self.classes = classes
        self.features = features
        self.bucketBits = bucketBits
        self.weightScale = weightScale
        self.massScale = massScale
    }
}
