import Kafka
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Topics") struct TopicsTests {
        @Test("topics create makes what is missing, twice is as good as once")
        func topicsCreateMakesWhatIsMissingTwiceIsAs() throws {
            let broker = try Broker.shared()
            let prefix = uniqueName("made")
            let names = ["in", "now", "out", "answers", "dead"].map { "\(prefix).\($0)" }
            let flags = [
                "--topic-requests", "--topic-interactive", "--topic-replies", "--topic-gateway-replies",
                "--topic-dead-letters",
            ]
            let arguments =
                ["topics", "create", "--bootstrap-servers", broker.bootstrapServers, "--partitions", "3"]
                + zip(flags, names).flatMap { [$0, $1] }
            for _ in 1...2 {
                let creation = try TriageProcess(arguments)
                creation.closeInput()
                #expect(try creation.wait() == 0, "\(creation.errors)")
                for name in names { #expect((creation.output + creation.errors).contains(name)) }
            }
            let admin = try AdminClient(
                properties: ["bootstrap.servers": broker.bootstrapServers], log: KafkaLog(logger: RecordedLog().logger))
            #expect(try admin.partitions(of: names) == Dictionary(uniqueKeysWithValues: names.map { ($0, 3) }))
        }
    }
}
