import ArgumentParser
import Glibc
import Kafka
import Logging
import ServiceLifecycle
import Worker

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Classify the sentences of both lanes, or of one, until SIGTERM.",
        discussion: """
            Start as many as you like, at most one for each partition: they share the work. On SIGTERM or Ctrl-C it \
            finishes what it holds, commits, leaves its group and exits 0; on SIGHUP it loads the model file again.

              triage worker --model intents.model
              triage worker --model intents.model --admin-port 9100 \\
                  --delivery exactly-once --instance-id worker-1
              triage worker --model intents.model --lanes interactive
              triage worker --model intents.model --text-field /body/text \\
                  --reply-format enriched --check samples.ndjson
            """)

    @OptionGroup var general: GeneralFlags
    @OptionGroup(title: "Kafka") var kafka: KafkaFlags
    @OptionGroup(title: "Topics") var topics: TopicFlags
    @OptionGroup(title: "Worker") var worker: WorkerFlags
    @OptionGroup(title: "Replies") var replies: ReplyFlags

    @Option(
        help: ArgumentHelp(
            "Print what would be read of the sample values in this file and replied, and exit; without a broker. One value "
                + "a line, or one in the file; - for standard input.", valueName: "file"))
    var check: String?

    func run() async throws {
        let settings = try SettingsReader(
            general: general, kafka: kafka, routes: replies.routing.routes, topics, worker, replies)
        let configuration = try settings.workerConfiguration()
        guard let model = try settings.text(.model) else {
            throw CommandFailure.usage("--model is missing: the model file, as 'triage train' makes it")
        }
        if let check {
            return try await SampleReport(path: check, configuration: configuration).run(
                model: model, settings: settings)
        }
        // A large model takes its time to load. Until the worker listens for signals, SIGHUP would end the process, and the
        // others would not end the first process of a container, which has no default for them.
        signal(SIGHUP, SIG_IGN)
        for number in [SIGTERM, SIGINT] { signal(number) { _ in _exit(0) } }
        try KafkaLibrary.requireSupportedVersion()
        let logger = try settings.startLogging(label: "worker")
        let service = try WorkerService(configuration: configuration, modelFile: model, logger: logger)
        do {
            try await Daemon.run(service, logger: logger)
        } catch {
            throw CommandFailure(
                listening: error, on: configuration.adminHost, .adminHost, configuration.adminPort ?? 0, .adminPort)
                ?? error
        }
    }
}
