import Configuration
import Foundation
import Synchronization
import SystemPackage

/// A YAML or JSON file of settings. Names are those of the flags; `kafka:` and `kafka-secret:` hold librdkafka's own:
///
/// ```yaml
/// bootstrap-servers: kafka-1:9093,kafka-2:9093
/// delivery: exactly-once
/// kafka:
///   security.protocol: SASL_SSL
/// kafka-secret:
///   sasl.password: /run/secrets/kafka-password
/// ```
struct SettingsFile {
    let path: String
    let provider: any ConfigProvider
    private let keys: [String]

    /// - Throws: ``CommandFailure`` when the file is missing (66), cannot be parsed or holds an unknown setting (64).
    init(path: String) async throws {
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw CommandFailure.noInput("--config: there is no readable file at \(path)")
        }
        // The parser shows every key to the specifier of secrets; that is the one place that tells which keys there
        // are. JSON is read as YAML, of which it is a subset.
        let seen = KeyList()
        let options = YAMLSnapshot.ParsingOptions(
            secretsSpecifier: .dynamic { key, _ in
                seen.append(key)
                return key.hasPrefix(Setting.kafka.rawValue)
            })
        do {
            self.provider = try await FileProvider<YAMLSnapshot>(
                parsingOptions: options, filePath: FilePath(path))
        } catch {
            let reason = "\(error)".split(separator: "\n").first ?? ""
            throw CommandFailure.usage("--config: \(path) is not a YAML or JSON mapping of settings: \(reason)")
        }
        self.path = path
        self.keys = seen.values
        for key in keys where Setting(rawValue: key) == nil && !Setting.isProperty(key: key) {
            throw CommandFailure.usage(
                "\(path): unknown setting '\(key)'\(Setting.suggestion(for: key)); 'triage --help' lists the commands")
        }
    }

    /// The pairs below `kafka:` or `kafka-secret:`.
    func properties(_ setting: Setting) -> [(name: String, value: String)] {
        let prefix = setting.rawValue + "."
        return keys.filter { $0.hasPrefix(prefix) }.compactMap { key in
            let content = try? provider.value(
                forKey: AbsoluteConfigKey(key.split(separator: ".").map(String.init)), type: .string
            ).value?.content
            guard case .string(let value)? = content else { return nil }
            return (String(key.dropFirst(prefix.count)), value)
        }
    }
}

private final class KeyList: Sendable {
    private let keys = Mutex<[String]>([])
    var values: [String] { keys.withLock { $0 } }
    func append(_ key: String) { keys.withLock { $0.append(key) } }
}
