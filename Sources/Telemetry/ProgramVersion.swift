/// The version of the program, wherever it is told. A test holds to it what has to write it down again: the
/// specifications and the image.
package enum ProgramVersion {
    package static let number = "0.1.0"
}
