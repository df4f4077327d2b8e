import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Data as people have it, with the mistakes that people make: one command each.
    @Suite("Training") struct TrainingTests {
        private func input(_ name: String) -> String {
            ProjectFolder.url.appending(path: "Tests/ClassificationTests/Inputs").appending(path: name).path
        }

        private func model(_ name: String) -> String { SampleModel.folder.appending(path: name).path }

        private func run(
            _ arguments: [String], code: Int32 = 0, sending text: String? = nil, input: URL? = nil
        ) throws -> TriageProcess {
            let process = try TriageProcess(arguments, input: input)
            if let text { try process.send(text) }
            process.closeInput()
            #expect(try process.wait() == code, "\(process.errors)")
            return process
        }

        private func expect(_ process: TriageProcess, _ output: [String], warnings: [String]) {
            for text in output { #expect(process.output.contains(text), "\(text):\n\(process.output)") }
            for text in warnings { #expect(process.errors.contains(text), "\(text):\n\(process.errors)") }
            let lines = process.errors.split(separator: "\n")
            #expect(lines.allSatisfy { $0.hasPrefix("warning: ") }, "\(process.errors)")
        }

        @Test("a spreadsheet of tickets") func aSpreadsheetOfTickets() throws {
            let path = model("tickets.model")
            let columns = ["--text-column", "Subject", "--label-column", "Assigned team"]
            let training = try run(["train", "--data", input("tickets.csv"), "--output", path] + columns)
            expect(
                training,
                [
                    "40 sentences, 5 classes", "“Subject” for the sentence, “Assigned team” for the class",
                    "classes: Delivery 14, Sign-in 12, Billing 11, Legal 2, billing 1", "weakest: ", "macro F1",
                ],
                warnings: [
                    "1 sentence stands under several classes: “I was charged twice this month” is Billing (line 2) and "
                        + "Delivery (line 40)",
                    "1 sentence is there twice or more", "“The parcel has not arrived yet” (lines 27, 39)",
                    "differ only in letter case or space: “Billing” (11 sentences) and “billing” (1 sentence)",
                    "2 classes with fewer than 10 sentences, too few to be judged: “billing” has 1, “Legal” has 2",
                ])
            // The command that it names can be copied to a shell.
            let next = try #require(training.output.split(separator: "\n").last { $0.hasPrefix("next: ") })
            let shell = Process()
            shell.executableURL = URL(filePath: "/bin/sh")
            shell.arguments = ["-c", String(next.dropFirst("next: ".count))]
            let answer = Pipe()
            shell.standardOutput = answer
            try shell.run()
            let reply = String(decoding: answer.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            shell.waitUntilExit()
            #expect(shell.terminationStatus == 0)
            #expect(reply.contains("\"label\":\""), "\(reply)")

            let wrong = try run(
                ["train", "--data", input("tickets.csv"), "--output", path, "--text-column", "Title"], code: 65)
            expectOneClearLine(wrong.errors, mentioning: ["tickets.csv:1", "“Title”", "“Subject”, “Assigned team”"])
        }

        @Test("a file of Rasa") func aFileOfRasa() throws {
            let path = model("restaurant.model")
            let training = try run(["train", "--data", input("restaurant.yml"), "--output", path])
            expect(
                training, ["33 sentences, 4 classes (Rasa NLU)", "book_table 11", "Book_Table 1", "next: "],
                warnings: [
                    "“what do you recommend?” is ask_menu (line 28) and goodbye (line 42)",
                    "“book a table for tonight” (lines 8, 17)",
                    "“Book_Table” (1 sentence) and “book_table” (11 sentences)", "“Book_Table” has 1",
                ])
        }

        @Test("a file of Prodigy") func aFileOfProdigy() throws {
            let path = model("reviews.model")
            let training = try run(["train", "--data", input("reviews.jsonl"), "--output", path])
            expect(
                training,
                [
                    "23 sentences, 3 classes", "Prodigy", "3 rejected, ignored or undecided ones are left out",
                    "positive 12, negative 10, mixed 1",
                ],
                warnings: [
                    "“The lift was out of order” is negative (line 16) and positive (line 21)",
                    "“Check-in took two minutes” (lines 6, 22)", "“mixed” has 1",
                ])
        }

        @Test("with --strict what is warned of is an error") func withStrictWhatIsWarnedOfIsAnError() throws {
            let path = model("strict.model")
            for name in ["restaurant.yml", "reviews.jsonl"] {
                let training = try run(["train", "--data", input(name), "--output", path, "--strict"], code: 65)
                #expect(training.errors.contains("warning: "))
                #expect(training.errors.contains("triage: \(input(name)): nothing was trained"))
                #expect(!FileManager.default.fileExists(atPath: path))
            }
            let sound = try run(["train", "--data", "-", "--output", path, "--strict"], sending: Self.sound)
            #expect(sound.errors.isEmpty)
        }

        /// Sentences in which nothing is wrong.
        private static let sound =
            "text,label\n"
            + (0..<12).map { "a train to town \($0),train\na room in town \($0),hotel\n" }.joined()

        @Test("measuring a model on what it was trained on") func measuringAModelOnWhatItWasTrained() throws {
            let path = model("sound.model")
            let file = SampleModel.folder.appending(path: "it's sound.csv")
            try Self.sound.write(to: file, atomically: true, encoding: .utf8)
            _ = try run(["train", "--data", file.path, "--output", path])
            let measuring = ["evaluate", "--model", path, "--data"]
            let same = try run(measuring + [file.path])
            expect(same, ["accuracy"], warnings: ["trained on these: the figure means nothing", "--folds 5"])
            let strict = try run(measuring + [file.path, "--strict"], code: 65)
            expectOneClearLine(strict.errors, mentioning: ["trained on these", "sound.csv'"])
            let others = try run(measuring + ["-"], sending: "text,label\na train to the sea,train\n")
            #expect(others.errors.isEmpty)
            let unknown = try run(measuring + ["-"], code: 65, sending: "text,label\na boat,ferry\n")
            expectOneClearLine(unknown.errors, mentioning: ["standard input", "“ferry”"])
        }

        @Test("standard input by all its names") func standardInputByAllItsNames() throws {
            let file = SampleModel.folder.appending(path: "sound-for-pipes.csv")
            try Self.sound.write(to: file, atomically: true, encoding: .utf8)
            for name in ["-", "/dev/stdin"] {
                for source in [nil, file] {
                    let training = try run(
                        ["train", "--data", name, "--output", model("pipe.model"), "--folds", "2"],
                        sending: source == nil ? Self.sound : nil, input: source)
                    #expect(training.output.contains("24 sentences, 2 classes"))
                }
            }
        }

        @Test("one class, and fewer sentences than folds") func oneClassAndFewerSentencesThanFolds() throws {
            let arguments = ["train", "--data", "-", "--output", model("never.model")]
            let one = try run(arguments, code: 65, sending: "text,label\nun,a\ndeux,a\n")
            expectOneClearLine(one.errors, mentioning: ["standard input:2", "“a”", "2 classes"])
            let few = try run(arguments, code: 65, sending: "text,label\nun,a\ndeux,b\n")
            #expect(few.errors.contains("triage: standard input: "))
            #expect(few.errors.contains("--folds 0"))
        }
    }
}
