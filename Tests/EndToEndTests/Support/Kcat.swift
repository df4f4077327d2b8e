import Foundation
import TestSupport

/// Runs kcat, a Kafka client that shares no code with Triage.
func kcat(_ arguments: [String], input: String = "") throws -> String {
    let process = Process()
    process.executableURL = ProjectFolder.url.appending(path: "compose/local/kcat")
    process.arguments = arguments
    let (inputPipe, outputPipe, errorPipe) = (Pipe(), Pipe(), Pipe())
    process.standardInput = inputPipe
    process.standardOutput = outputPipe
    process.standardError = errorPipe
    try process.run()
    try inputPipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try inputPipe.fileHandleForWriting.close()
    let output = outputPipe.fileHandleForReading.readDataToEndOfFile()
    let errors = errorPipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw TimedOut(what: "kcat \(arguments)", details: String(decoding: errors, as: UTF8.self))
    }
    return String(decoding: output, as: UTF8.self)
}
