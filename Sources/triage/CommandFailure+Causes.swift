import ArgumentParser
import Classification
import Gateway
import Kafka
import Worker

extension CommandFailure {
    /// The one table from the libraries' errors to exit codes; nil for errors that are the argument parser's to report.
    init?(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as ModelFileError:
            self = error.isMissing ? .noInput(error.description) : .badData(error.description)
        case let error as DataError:
            self = error.isMissing ? .noInput(error.description) : .badData(error.description)
        case let error as LinearTrainer.Refusal: self = .badData(error.description)
        case let error as ClassifierError: self = .internalError(error.description)
        case let error as KafkaError:
            self = Self.of(error)
        case let error as WorkerConfigurationError: self = .usage(error.description)
        case let error as WorkerError:
            self.init(code: Code(rawValue: error.exitCode) ?? .internalError, message: error.message)
        case let error as GatewayConfigurationError: self = .usage(error.description)
        case let error as APIKeyFile.Failure: self = Self.of(error)
        case is ExitCode, is CleanExit, is ValidationError: return nil
        default:
            // The parser's own errors are of types that it does not publish; it knows them.
            guard Triage.exitCode(for: error) == .failure else { return nil }
            self = .internalError("\(error)")
        }
    }
}

extension CommandFailure {
    private static func of(_ error: KafkaError) -> CommandFailure {
        switch error.code {
        case .invalidArgument: .usage(error.description)
        case .transport, .allBrokersDown, .timedOut, .resolve:
            .unavailable("no broker answers (\(error)); is --bootstrap-servers right?")
        default: .unavailable(error.description)
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
