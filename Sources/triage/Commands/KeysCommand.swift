import ArgumentParser
import Foundation
import Gateway

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Manage the gateway's API keys.",
        discussion: """
            The file holds the SHA-256 of each key and the name of who has it, never the key. A running gateway reads it \
            again when it changes.

              triage keys create --api-keys keys.txt dashboard
              triage gateway --api-keys keys.txt
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    /// The setting that all three subcommands share with the gateway.
    struct FileFlags: ParsableArguments {
        @Option(help: ArgumentHelp("The file of API keys; made by the first create.", valueName: "file"))
        var apiKeys: String

        var file: APIKeyFile { APIKeyFile(path: apiKeys) }
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and print it: the only time that it can be seen.")

        @OptionGroup var flags: FileFlags
        @Argument(help: "Who the key is for.") var name: String

        func run() throws { print(try flags.file.create(name: name)) }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the names of those who hold a key.")

        @OptionGroup var flags: FileFlags

        func run() throws {
            for entry in try flags.file.entries() { print(entry.printableName) }
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a key away.")

        @OptionGroup var flags: FileFlags
        @Argument(help: "Whose key it is.") var name: String

        func run() throws { try flags.file.revoke(name: name) }
    }
}
