import ArgumentParser
import Foundation
import Kafka
import Logging
import ServiceLifecycle
import Telemetry
import UnixSignals

/// The executable: subcommands only; what they do lives in the libraries.
struct Triage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "triage",
        abstract: "Classifies sentences that arrive on Kafka.",
        discussion: """
            Start as many workers as you like; each consumes sentences in batches and writes the probabilities of \
            their classes to a reply topic. A gateway answers HTTP over the same queue.

              triage topics create
              triage worker --model intents.model
              triage gateway --port 8080
              echo "je cherche un hôtel à Nice" | triage pipe

            Every setting is a flag, else an environment variable (--cache-size is TRIAGE_CACHE_SIZE), else a line of \
            the YAML or JSON file given with --config, else it has the default that is shown.
            Exit codes: 0, 64 usage, 65 bad data, 66 no such input, 69 broker unavailable, 70 internal.
            """,
        version: Version.text,
        subcommands: [
            WorkerCommand.self, GatewayCommand.self, TrainCommand.self, EvaluateCommand.self, ClassifyCommand.self,
            PipeCommand.self, TopicsCommand.self, LagCommand.self,
            DeadLettersCommand.self, KeysCommand.self,
        ])
}

@main
enum Main {
    static func main() async {
        // A closed pipe or socket is an error of the call that met it, not the end of the program.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try Triage.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            exit(with: error)
        }
    }

    /// One line for a person, and the code that scripts rely on.
    private static func exit(with error: any Error) -> Never {
        if let failure = CommandFailure(error) { end(failure) }
        // Help and versions are asked for; what else the parser refuses is a usage error.
        if Triage.exitCode(for: error).isSuccess { Triage.exit(withError: error) }
        let problem = Triage.message(for: error).split(separator: "\n").first.map(String.init) ?? "\(error)"
        end(.usage("\(problem) (see --help)"))
    }

    private static func end(_ failure: CommandFailure) -> Never {
        StandardError.write(LineEscaping.plainLines("triage: \(failure.message)\n"))
        Foundation.exit(failure.code.rawValue)
    }
}

/// The version of the program, with the commit that it was built from, and of the library that speaks to Kafka for it.
enum Version {
    static var text: String { "triage \(ProgramVersion.text), librdkafka \(KafkaLibrary.version)" }
}

/// Runs a service until SIGTERM or SIGINT, or until it fails.
enum Daemon {
    static func run(_ service: some Service, logger: Logger) async throws {
        // The lifecycle's own lines say what the service says itself; only its warnings are news.
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await group.run()
    }
}
