import ArgumentParser
import Foundation
import Kafka
import Logging
import ServiceLifecycle
import Telemetry
import UnixSignals

/// The executable: only subcommands; the libraries do the work.
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
            WorkerCommand.self, GatewayCommand.self, TrainCommand.self, EvaluateCommand.self, DescribeCommand.self,
            ClassifyCommand.self, PipeCommand.self, TopicsCommand.self, LagCommand.self,
            DeadLettersCommand.self, KeysCommand.self,
        ])
}

@main
enum Main {
    static func main() async {
        // Writing to a closed pipe or socket must fail with an error, not kill the program.
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

    /// Prints one human-readable line and exits with the code that scripts rely on.
    private static func exit(with error: any Error) -> Never {
        if let failure = CommandFailure(error) { end(failure) }
        // Help and version requests succeed; everything else that the parser rejects is a usage error.
        if Triage.exitCode(for: error).isSuccess { Triage.exit(withError: error) }
        let problem = Triage.message(for: error).split(separator: "\n").first.map(String.init) ?? "\(error)"
        end(.usage("\(problem) (see --help)"))
    }

    private static func end(_ failure: CommandFailure) -> Never {
        StandardError.write(LineEscaping.plainLines("triage: \(failure.message)\n"))
        Foundation.exit(failure.code.rawValue)
    }
}

/// The version of the program, with the commit it was built from, and of librdkafka.
enum Version {
    static var text: String { "triage \(ProgramVersion.text), librdkafka \(KafkaLibrary.version)" }
}

/// Runs a service until SIGTERM or SIGINT, or until it fails.
enum Daemon {
    static func run(_ service: some Service, logger: Logger) async throws {
        // The lifecycle's own log lines repeat the service's; only its warnings are useful.
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await group.run()
    }
}
