import Foundation

/// Runs a program to its end.
///
/// - Parameter input: what it reads from standard input, in pieces.
func run(
    _ program: URL, _ arguments: [String], input: [[UInt8]]
) throws -> (status: Int32, output: String, errors: String) {
    // A file, since a pipe that is full would wait for a program that is busy writing, and one that has no reader would end
    // the tests.
    let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    guard FileManager.default.createFile(atPath: file.path, contents: nil) else {
        throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: file.path])
    }
    let handle = try FileHandle(forUpdating: file)
    try FileManager.default.removeItem(at: file)
    for piece in input { try handle.write(contentsOf: piece) }
    try handle.seek(toOffset: 0)

    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    let (outputPipe, errorPipe) = (Pipe(), Pipe())
    process.standardInput = handle
    process.standardOutput = outputPipe
    process.standardError = errorPipe
    try process.run()
    let output = outputPipe.fileHandleForReading.readDataToEndOfFile()
    let errors = errorPipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (
        process.terminationStatus, String(decoding: output, as: UTF8.self), String(decoding: errors, as: UTF8.self)
    )
}
