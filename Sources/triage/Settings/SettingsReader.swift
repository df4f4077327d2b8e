import Foundation
import Kafka
import Logging
import Telemetry

/// Reads settings from flags, the environment and the file; the first source with a value wins.
///
/// Every source is read as text and converted here, so that an invalid value gives the same message everywhere and
/// never silently falls back to a default.
struct SettingsReader {
    /// A value and its origin, as the user wrote it: `--port`, `TRIAGE_PORT`, `triage.yaml:3: port`.
    private struct Found {
        let text: String
        let origin: String
    }

    private let flags: [Setting: String]
    private let flagProperties: [Setting: [String]]
    private let environment: [String: String]
    private let file: SettingsFile?

    /// - Parameters:
    ///   - flags: the command line's values.
    ///   - properties: the repeatable `NAME=VALUE` flags (`--kafka`, `--kafka-secret`), in order.
    ///   - configurationFile: the path given with `--config`, if any.
    init(
        flags: [Setting: String], properties: [Setting: [String]] = [:], configurationFile: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(CommandFailure) {
        try Setting.refuseUnknown(environment: environment)
        let path = configurationFile ?? environment[Setting.config.environmentVariable]
        self.file = if let path { try SettingsFile(path: path) } else { nil }
        self.flags = flags
        self.flagProperties = properties
        self.environment = environment
    }

    private func find(_ setting: Setting) -> Found? {
        if let text = flags[setting] { return Found(text: text, origin: "--\(setting.rawValue)") }
        let variable = setting.environmentVariable
        if let text = environment[variable] { return Found(text: text, origin: variable) }
        return file?.values[setting].map { Found(text: $0.text, origin: "\($0.place): \(setting.rawValue)") }
    }

    /// Converts the value of a setting.
    /// - Throws: ``CommandFailure/usage(_:)`` with the value's origin when `convert` returns nil.
    func value<Value>(_ setting: Setting, expected: String, _ convert: (String) -> Value?) throws -> Value? {
        guard let found = find(setting) else { return nil }
        guard let value = convert(found.text) else {
            throw CommandFailure.usage("\(found.origin): '\(found.text)' is not \(expected)")
        }
        return value
    }

    func text(_ setting: Setting) throws -> String? {
        try value(setting, expected: "a text of one character or more") { $0.isEmpty ? nil : $0 }
    }

    func integer(_ setting: Setting, in range: ClosedRange<Int>) throws -> Int? {
        let upper = range.upperBound == Int.max ? "or more" : "to \(range.upperBound)"
        return try value(setting, expected: "a whole number, \(range.lowerBound) \(upper)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func boolean(_ setting: Setting) throws -> Bool? {
        try value(setting, expected: "true or false") { Bool($0.lowercased()) }
    }

    /// A duration such as `250ms`, `5s` or `2m`; zero is allowed.
    func duration(_ setting: Setting) throws -> Duration? {
        try value(setting, expected: "a duration such as 250ms, 5s or 2m") { Duration(setting: $0) }
    }

    func choice<Value: RawRepresentable & CaseIterable>(_ setting: Setting, of type: Value.Type) throws -> Value?
    where Value.RawValue == String {
        let names = type.allCases.map(\.rawValue).joined(separator: ", ")
        return try value(setting, expected: "one of \(names)") { Value(rawValue: $0) }
    }

    /// A comma-separated list, without empty items.
    func list(_ setting: Setting) throws -> [String]? {
        try value(setting, expected: "a list separated by commas") { text in
            text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
    }

    /// The `NAME=VALUE` pairs of a setting that is no librdkafka property, from the first source that has any. In the
    /// environment they are separated by commas.
    func pairs(_ setting: Setting) throws -> [(name: String, value: String, origin: String)] {
        var texts: [(text: String, origin: String)] = []
        let variable = setting.environmentVariable
        if let flags = flagProperties[setting], !flags.isEmpty {
            texts = flags.map { ($0, "--\(setting.rawValue)") }
        } else if let text = environment[variable] {
            texts = text.split(separator: ",").map { ($0.trimmingCharacters(in: .whitespaces), variable) }
        } else {
            return (file?.properties[setting] ?? []).map { ($0.name, $0.value, "--config: \(setting.rawValue)") }
        }
        return try texts.map { text, origin in
            // A label may hold `=`, a topic does not.
            let (name, value) = try Self.pair(text, at: text.lastIndex(of: "="), form: "LABEL=TOPIC", origin)
            return (name, value, origin)
        }
    }

    private static func pair(
        _ text: String, at equals: String.Index?, form: String, _ origin: String
    ) throws(CommandFailure) -> (name: String, value: String) {
        guard let equals, equals != text.startIndex else {
            throw CommandFailure.usage("\(origin): '\(text)' is not of the form \(form)")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// The `NAME=VALUE` pairs of a repeatable setting, in ascending precedence: file, environment, flags.
    func properties(_ setting: Setting) throws -> [(name: String, value: String)] {
        var pairs = file?.properties[setting] ?? []
        let prefix = setting.environmentVariable + "_"
        for (variable, value) in environment.sorted(by: { $0.key < $1.key })
        where variable.hasPrefix(prefix) && Setting(environmentVariable: variable) == nil
            && !setting.isShadowed(variable: variable)
        {
            let name = variable.dropFirst(prefix.count).lowercased().replacingOccurrences(of: "_", with: ".")
            pairs.append((name, value))
        }
        for text in flagProperties[setting] ?? [] {
            pairs.append(
                try Self.pair(text, at: text.firstIndex(of: "="), form: "NAME=VALUE", "--\(setting.rawValue)"))
        }
        return pairs
    }
}

extension Duration {
    /// Parses `250ms`, `5s`, `1.5s`, `2m`, `12h`, `7d`.
    init?(setting text: String) {
        let units: [(suffix: String, milliseconds: Double)] = [
            ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        guard let unit = units.first(where: { text.hasSuffix($0.suffix) }),
            let number = Double(text.dropLast(unit.suffix.count)), number >= 0, number.isFinite, number < 1e9
        else { return nil }
        self = .microseconds(Int64((number * unit.milliseconds * 1_000).rounded()))
    }
}

extension SettingsReader {
    /// Configures logging to standard error by the settings, and makes the first logger.
    func startLogging(label: String) throws -> Logger {
        let level = try choice(.logLevel, of: Logger.Level.self) ?? .info
        LineLogHandler.bootstrap(level: level, format: try choice(.logFormat, of: LogFormat.self) ?? .text)
        return Logger(label: label)
    }

    /// The log of a short command's Kafka clients: silent by default, since the command ends with one line that says
    /// what failed.
    func kafkaLog() throws -> KafkaLog {
        let level = try choice(.logLevel, of: Logger.Level.self) ?? .critical
        LineLogHandler.bootstrap(level: level, format: try choice(.logFormat, of: LogFormat.self) ?? .text)
        return KafkaLog(logger: Logger(label: "kafka"))
    }
}
