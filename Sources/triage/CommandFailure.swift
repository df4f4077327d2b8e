import ArgumentParser
import Classification
import Foundation
import Gateway
import Glibc
import HTTPServer
import Kafka
import NIOCore
import Worker

/// Why a command failed: one human-readable line, and one of the exit codes that scripts rely on (those of
/// `sysexits.h`).
struct CommandFailure: Error, CustomStringConvertible {
    enum Code: Int32 {
        /// An unknown or invalid flag or setting.
        case usage = 64
        /// A file with invalid content.
        case badData = 65
        /// An input that is missing or cannot be read.
        case noInput = 66
        /// No broker answers, or it rejects the request.
        case unavailable = 69
        /// An internal error.
        case internalError = 70
    }

    let code: Code
    let message: String

    var description: String { message }

    static func usage(_ message: String) -> Self { Self(code: .usage, message: message) }
    static func badData(_ message: String) -> Self { Self(code: .badData, message: message) }
    static func noInput(_ message: String) -> Self { Self(code: .noInput, message: message) }
    static func unavailable(_ message: String) -> Self { Self(code: .unavailable, message: message) }
    static func internalError(_ message: String) -> Self { Self(code: .internalError, message: message) }
}

extension CommandFailure {
    /// The one mapping from the libraries' errors to exit codes; nil for errors that the argument parser reports.
    init?(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as ModelFileError:
            self = error.isMissing ? .noInput(error.description) : .badData(error.description)
        case let error as DataError:
            self = error.isMissing ? .noInput(error.description) : .badData(error.description)
        case let error as LinearTrainer.Refusal: self = .badData(error.description)
        case let error as ClassifierError:
            self = error.code == .wrongMatrixSize ? .internalError(error.description) : .badData(error.description)
        case let error as KafkaError:
            self = Self.of(error)
        case let error as WorkerConfigurationError: self = .usage(Self.withFlag(error))
        case let error as WorkerError:
            self.init(code: Code(rawValue: error.exitCode) ?? .internalError, message: error.message)
        case let error as GatewayConfigurationError: self = .usage(error.description)
        case let error as APIKeyFile.Failure: self = Self.of(error)
        case let error as HTTPServerError:
            let flag: Setting = error.reason == .certificate ? .tlsCertificate : .tlsKey
            let message = "--\(flag.rawValue) \(error)"
            self = error.isMissing ? .noInput(message) : .badData(message)
        case is ExitCode, is CleanExit, is ValidationError: return nil
        default:
            // The parser's own error types are not public, but it recognizes them.
            guard Triage.exitCode(for: error) == .failure else { return nil }
            self = .internalError("\(error)")
        }
    }
}

extension CommandFailure {
    /// The worker's settings whose flags have other names.
    private static let flags: [String: Setting] = [
        "encoding": .replyEncoding, "routes": .route, "textFields": .textField, "copiedHeaders": .copyHeaders,
        "maximumTextBytes": .maxTextBytes,
    ]

    private static func withFlag(_ error: WorkerConfigurationError) -> String {
        guard let setting = flags[error.setting] ?? Setting.named[error.setting] else { return error.description }
        return "--\(setting.rawValue): \(error.problem)"
    }

    private static func of(_ error: KafkaError) -> CommandFailure {
        if error.code == .invalidArgument { return .usage(error.message) }
        guard let remedy = error.remedy else { return .unavailable(error.description) }
        return .unavailable("no Kafka broker accepts the connection: \(error.message); \(remedy)")
    }

    /// A server that cannot listen on its configured address; nil for any other error.
    init?(
        listening error: any Error, on host: String, _ hostSetting: Setting, _ port: Int, _ portSetting: Setting
    ) {
        let (hostFlag, portFlag) = ("--\(hostSetting.rawValue)", "--\(portSetting.rawValue)")
        switch error {
        case is SocketAddressError.UnknownHost, is SocketAddressError:
            self = .usage("\(hostFlag) \(host): there is no such host; give an address of this machine")
        case let error as IOError:
            switch error.errnoCode {
            case EADDRINUSE:
                self = .unavailable(
                    "\(portFlag) \(port): \(host):\(port) is in use by another program; stop it, or use another port"
                )
            case EACCES, EPERM:
                self = .usage("\(portFlag) \(port): this user may not listen on it; give a port above 1023")
            case EADDRNOTAVAIL, EAFNOSUPPORT:
                self = .usage(
                    "\(hostFlag) \(host): not an address of this machine; give one that is, or 0.0.0.0 for all"
                )
            default:
                self = .unavailable(
                    "\(hostFlag) \(host), \(portFlag) \(port): "
                        + "cannot listen: \(String(cString: strerror(error.errnoCode)))"
                )
            }
        default:
            return nil
        }
    }

    private static func of(_ error: APIKeyFile.Failure) -> CommandFailure {
        switch error {
        case .inaccessible: .noInput(error.description)
        case .malformed: .badData(error.description)
        case .nameTaken, .unknownName, .invalidName: .usage(error.description)
        }
    }
}
