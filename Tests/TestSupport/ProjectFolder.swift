public import Foundation

/// The folder of the package, for tests that start its scripts and programs or read its samples.
public enum ProjectFolder {
    /// Where `Package.swift` lies.
    public static let url: URL = {
        let here = URL(filePath: FileManager.default.currentDirectoryPath)
        let exists = FileManager.default.fileExists(atPath: here.appending(path: "Package.swift").path)
        // `swift test` runs in it; this file says where it was when built.
        return exists ? here : URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    }()
}
