import ArgumentParser
import Configuration
import Gateway
import Worker

@main struct Triage: ParsableCommand {
    func run() { print("triage") }
}
