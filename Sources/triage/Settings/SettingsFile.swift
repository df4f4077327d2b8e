import Yams

/// A YAML or JSON file of settings, named as the flags are; `kafka:` and `kafka-secret:` hold librdkafka's own, `route:`
/// topics by label:
///
/// ```yaml
/// bootstrap-servers: kafka-1:9093,kafka-2:9093
/// delivery: exactly-once
/// kafka:
///   security.protocol: SASL_SSL
/// kafka-secret:
///   sasl.password: /run/secrets/kafka-password
/// ```
///
/// Unknown settings are an error: an ignored one may be the one that keeps a connection secret.
struct SettingsFile {
    /// A value and its location, `FILE:LINE`.
    struct Value {
        let text: String
        let place: String
    }

    private(set) var values: [Setting: Value] = [:]
    /// The pairs below `kafka:`, `kafka-secret:` and `route:`, in order.
    private(set) var properties: [Setting: [(name: String, value: String)]] = [:]
    private let path: String

    /// - Throws: ``CommandFailure`` when the file cannot be read (66), or is not a valid settings file (64).
    init(path: String) throws(CommandFailure) {
        self.path = path
        guard let root = try Self.parse(path) else { return }
        guard case .mapping(let mapping) = root else {
            throw .usage("--config: \(path) is not a mapping of settings, such as `port: 8080`")
        }
        for (key, value) in mapping {
            let place = place(of: key)
            guard case .scalar(let name) = key else { throw .usage("\(place): a setting's name is a plain word") }
            guard let setting = Setting(rawValue: name.string) else { throw Self.unknown(name.string, at: place) }
            guard setting != .config else {
                throw .usage("\(place): a file of settings cannot name another; give one --config")
            }
            if Setting.pairSettings.contains(setting) {
                properties[setting] = try pairs(value, of: setting, at: place)
            } else {
                let text = try text(
                    of: value, "'\(setting.rawValue)'", at: place, example: "\(setting.rawValue): VALUE")
                values[setting] = Value(text: text, place: place)
            }
        }
    }

    private static func parse(_ path: String) throws(CommandFailure) -> Node? {
        let text: String
        do throws(SmallFile.Failure) {
            text = try SmallFile.text(path)
        } catch {
            let message = "--config: cannot read \(path): \(error.reason)"
            throw error.isMissing ? .noInput(message) : .usage(message)
        }
        do {
            // JSON is a subset of YAML.
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw .usage(description(of: error, in: path))
        } catch {
            throw .usage("--config: \(path) cannot be read as YAML or JSON")
        }
    }

    /// Describes the error without the parser's own description, which quotes the file and may reveal secrets.
    private static func description(of error: YamlError, in path: String) -> String {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "\(path):\(mark.line): this is not YAML or JSON: \(reason(in: problem))"
        case .duplicatedKeysInMapping(let names, let context):
            "\(path):\(context.mark.line): \(names.map { "'\($0)'" }.joined(separator: ", ")) stands here twice; "
                + "leave one of them"
        case .reader(let problem, _, _, _):
            "--config: \(path) is not YAML or JSON: \(reason(in: problem))"
        default:
            "--config: \(path) cannot be read as YAML or JSON"
        }
    }

    /// The parser's message without details that help only programmers.
    private static func reason(in problem: String) -> Substring {
        let problem = problem.prefix { $0 != "," }
        return problem.hasPrefix("but ") ? problem.dropFirst(4) : problem
    }

    private static func unknown(_ name: String, at place: String) -> CommandFailure {
        for setting in Setting.pairSettings where name.hasPrefix(setting.rawValue + ".") {
            let property = name.dropFirst(setting.rawValue.count + 1)
            return .usage("\(place): write '\(name)' as `\(setting.rawValue): {\(property): VALUE}`")
        }
        return .usage(
            "\(place): unknown setting '\(name)'\(Setting.suggestion(for: name)); 'triage --help' lists the commands")
    }

    /// The pairs of a setting that holds pairs.
    private func pairs(
        _ node: Node, of setting: Setting, at place: String
    ) throws(CommandFailure) -> [(name: String, value: String)] {
        let example =
            switch setting {
            case .kafka: "kafka: {security.protocol: SASL_SSL}"
            case .route: "route: {unsure: sentences.review}"
            default: "kafka-secret: {sasl.password: FILE}"
            }
        guard case .mapping(let mapping) = node else {
            throw .usage("\(place): '\(setting.rawValue)' holds names and values, such as `\(example)`")
        }
        var pairs: [(name: String, value: String)] = []
        for (key, value) in mapping {
            let place = self.place(of: key)
            guard case .scalar(let name) = key else {
                throw .usage("\(place): the name is a plain word, such as in `\(example)`")
            }
            let text = try text(
                of: value, "'\(name.string)'", at: place,
                example: "\(setting.rawValue): {\(name.string): VALUE}")
            pairs.append((name.string, text))
        }
        return pairs
    }

    /// The text of one value, as written.
    private func text(
        of node: Node, _ what: String, at place: String, example: String
    ) throws(CommandFailure) -> String {
        guard case .scalar(let scalar) = node else {
            let kind = if case .sequence = node { "a list" } else { "a mapping" }
            throw .usage("\(place): \(what) has one value, such as `\(example)`, not \(kind)")
        }
        if scalar.style == .plain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) {
            throw .usage("\(place): \(what) has no value; write `\(example)`, or leave the line out")
        }
        return scalar.string
    }

    private func place(of node: Node) -> String {
        node.mark.map { "\(path):\($0.line)" } ?? path
    }
}
