import Foundation

/// What tells one state of a file from another without reading it.
struct FileStamp: Hashable, Sendable {
    private let inode: UInt64
    private let size: UInt64
    private let changed: Date

    /// `nil` if there is no such file. Follows symbolic links.
    init?(path: String) {
        let path = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let changed = attributes[.modificationDate] as? Date
        else { return nil }
        inode = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0
        size = (attributes[.size] as? NSNumber)?.uint64Value ?? 0
        self.changed = changed
    }
}
