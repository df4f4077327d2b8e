import ArgumentParser
import Foundation
import Kafka
import Messages
import Platform

struct LagCommand: AsyncParsableCommand, SettingFlags {
    static let configuration = CommandConfiguration(
        commandName: "lag",
        abstract: "Show how far the workers are behind in each partition of both lanes.",
        discussion: """
            It asks the brokers, so it works when no worker runs. It looks twice, 3 s apart, and tells from that how \
            long the workers take for what waits now. Position and end are offsets: of the next request that a worker \
            reads, and of the next to be written.

              triage lag
              triage lag --watch
              triage lag --json --topic-requests sentences
            """)

    @OptionGroup var general: GeneralFlags
    @OptionGroup(title: "Kafka") var kafka: KafkaFlags
    @OptionGroup(title: "Topics") var topics: TopicFlags

    @Option(help: ArgumentHelp("Group of the workers, as they are told it. (default: triage)", valueName: "name"))
    var group: String?

    @Flag(help: "One JSON object a line for each partition.")
    var json = false

    @Flag(help: "Look again every 3 s until Ctrl-C.")
    var watch = false

    private static let interval = Duration.seconds(3)

    func run() async throws {
        let settings = try SettingsReader(
            general: general, kafka: kafka, topics, self)
        let names = try settings.topicNames()
        let groups = try settings.workerGroups()
        try KafkaLibrary.requireSupportedVersion()
        let admin = try AdminClient(properties: settings.kafkaProperties(), log: settings.kafkaLog())
        let lanes = [(names.requests, groups.bulk), (names.interactive, groups.interactive)]
        var output = StandardOutput()
        var earlier = try look(admin, lanes)
        repeat {
            try await Task.sleep(for: Self.interval)
            let now: Look
            do {
                now = try look(admin, lanes)
            } catch {
                // With --watch, keep running so that the user sees the recovery.
                guard watch, let failure = CommandFailure(error) else { throw error }
                FileHandle.standardError.write(Data("triage: \(failure.message)\n".utf8))
                continue
            }
            let report = LagReport(now.lags, since: earlier.lags, earlier.time.duration(to: now.time))
            let lines = json ? try report.json(at: UnixTime.milliseconds) : report.table
            // On a terminal each report replaces the previous one.
            let isRedrawn = watch && !json && isatty(STDOUT_FILENO) == 1
            let text = (isRedrawn ? "\u{1B}[H\u{1B}[2J" : "") + lines.joined(separator: "\n")
            try Array(text.utf8).withUnsafeBytes { try output.writeLine($0) }
            try output.flush()
            earlier = now
        } while watch
    }

    private struct Look {
        let time: ContinuousClock.Instant
        let lags: [GroupLag]
    }

    private func look(_ admin: AdminClient, _ lanes: [(topic: String, group: String)]) throws -> Look {
        let time = ContinuousClock.now
        let lags = try lanes.flatMap { topic, group in
            guard let lags = try admin.lag(of: group, in: topic) else {
                throw CommandFailure.unavailable("there is no topic \(topic); 'triage topics create' creates it")
            }
            return lags
        }
        return Look(time: time, lags: lags)
    }
}

/// The lag and its trend between two samples, as a table or JSON.
private struct LagReport {
    private struct Line: Encodable {
        let time: String
        let topic: String
        let partition: Int32
        let position: Int64?
        let end: Int64
        let lag: Int64
        let secondsToCatchUp: Double?

        enum CodingKeys: String, CodingKey {
            case time, topic, partition, position, end, lag
            case secondsToCatchUp = "seconds_to_catch_up"
        }

        /// Encodes unknown values as null, so that every line has the same fields.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(time, forKey: .time)
            try container.encode(topic, forKey: .topic)
            try container.encode(partition, forKey: .partition)
            try container.encode(position, forKey: .position)
            try container.encode(end, forKey: .end)
            try container.encode(lag, forKey: .lag)
            try container.encode(secondsToCatchUp, forKey: .secondsToCatchUp)
        }
    }

    private let lags: [GroupLag]
    private let earlier: [GroupLag]
    private let interval: Duration

    init(_ lags: [GroupLag], since earlier: [GroupLag], _ interval: Duration) {
        self.lags = lags
        self.earlier = earlier
        self.interval = interval
    }

    private func seconds(_ lags: some Collection<GroupLag>) -> Double? {
        GroupLag.secondsToCatchUp(lags, since: earlier, interval)
    }

    func json(at milliseconds: Int64) throws -> [String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try lags.map { lag in
            let line = Line(
                time: Timestamp.text(milliseconds: milliseconds), topic: lag.partition.topic,
                partition: lag.partition.partition,
                position: lag.committed, end: lag.high, lag: lag.records,
                secondsToCatchUp: seconds([lag]).map { ($0 * 10).rounded() / 10 })
            return String(decoding: try encoder.encode(line), as: UTF8.self)
        }
    }

    /// A line for each partition, and a total for each topic with more than one.
    var table: [String] {
        var rows: [[String]] = []
        for topic in lags.map(\.partition.topic).reduce(into: [String](), { if $0.last != $1 { $0.append($1) } }) {
            let own = lags.filter { $0.partition.topic == topic }
            for lag in own {
                rows.append([
                    topic, "\(lag.partition.partition)", lag.committed.map(String.init) ?? "-", "\(lag.high)",
                    "\(lag.records)", Self.time(seconds([lag])),
                ])
            }
            guard own.count > 1 else { continue }
            rows.append([topic, "all", "", "", "\(own.reduce(0) { $0 + $1.records })", Self.time(seconds(own))])
        }
        let header = ["topic", "partition", "position", "end", "lag", "done in"]
        return TextTable(header, rows, right: [1, 2, 3, 4, 5]).lines
    }

    private static func time(_ seconds: Double?) -> String {
        guard let seconds else { return "stands still" }
        let whole = Int(min(seconds.rounded(.up), 1e12))
        return switch whole {
        case ..<120: "\(whole) s"
        case ..<7_200: "\(whole / 60) min"
        default: "\(whole / 3_600) h"
        }
    }
}
