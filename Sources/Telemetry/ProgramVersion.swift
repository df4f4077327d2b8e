/// The version of the program, wherever it is told.
package enum ProgramVersion {
    package static let number = "0.1.0"
}
