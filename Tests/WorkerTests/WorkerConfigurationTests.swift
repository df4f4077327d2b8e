import Kafka
import Messages
import Testing
import Worker

@Suite("Worker configuration")
struct WorkerConfigurationTests {
    private func problem(_ change: (inout WorkerConfiguration) -> Void) -> String? {
        var configuration = WorkerConfiguration()
        change(&configuration)
        do throws(WorkerConfigurationError) {
            try configuration.validate()
            return nil
        } catch {
            return error.setting
        }
    }

    @Test("the defaults are valid")
    func defaults() {
        #expect(problem { _ in } == nil)
    }

    @Test("each bad setting is named")
    func badSettings() {
        #expect(problem { $0.group = "" } == "group")
        #expect(problem { $0.adminPort = 70_000 } == "adminPort")
        #expect(problem { $0.instanceID = "a b" } == "instanceID")
        #expect(problem { $0.maximumTextBytes = 0 } == "maximumTextBytes")
        #expect(problem { $0.shutdownTimeout = .zero } == "shutdownTimeout")
        #expect(problem { $0.bulk.maximumBatchRecords = 0 } == "bulk.maximumBatchRecords")
        #expect(problem { $0.topics.replies = "no/topic" } == "topics")
    }

    @Test("a worker never reads what it writes")
    func topics() {
        #expect(problem { $0.topics.interactive = $0.topics.requests } == "topics")
        #expect(problem { $0.topics.replies = $0.topics.requests } == "topics")
        #expect(problem { $0.topics.deadLetters = $0.topics.interactive } == "topics")
        #expect(problem { $0.topics.deadLetters = $0.topics.replies } == "topics")
        #expect(problem { $0.allowedReplyTopics = [$0.topics.requests] } == "topics")
    }

    @Test("routes, thresholds and formats that cannot be meant are named")
    func replies() {
        func route(_ label: String, _ topic: String) -> ReplySettings.Route { .init(label: label, topic: topic) }
        #expect(problem { $0.replies.routes = [route("a", "b"), route("c", "b")] } == nil)
        #expect(problem { $0.replies.routes = [route("a", $0.topics.requests)] } == "topics")
        #expect(problem { $0.replies.routes = [route("error", $0.topics.deadLetters)] } == "topics")
        #expect(problem { $0.replies.routes = [route("a", "no/topic")] } == "topics")
        #expect(problem { $0.replies.routes = [route("a", "b"), route("a", "c")] } == "routes")
        #expect(problem { $0.replies.routes = [route("unsure", "b")] } == "routes")
        #expect(
            problem {
                $0.replies.unsureBelow = .fixed(0.5)
                $0.replies.unsureLabel = "review"
                $0.replies.routes = [route("unsure", "b"), route("review", "c")]
            } == "routes")
        #expect(problem { $0.replies.unsureBelow = .fixed(1.5) } == "unsureBelow")
        #expect(problem { $0.replies.unsureBelow = .fixed(.nan) } == "unsureBelow")
        #expect(problem { $0.replies.unsureLabel = "" } == "unsureLabel")
        #expect(problem { $0.replies.top = 0 } == "top")
        #expect(problem { $0.replies.encoding = .avro } == "encoding")
        #expect(
            problem {
                $0.replies.encoding = .avro
                $0.replies.format = .flat
            } == "encoding")
        #expect(
            problem {
                $0.replies.encoding = .avro
                $0.replies.format = .flat
                $0.registry = SchemaRegistrySettings(url: "http://127.0.0.1:8081")
            } == nil)
        for field in ["", "text", "payload", "key"] {
            #expect(
                problem {
                    $0.textFields = ["/payload/text"]
                    $0.idField = "/key"
                    $0.replies.format = .enriched
                    $0.replies.enrichField = field
                } == "enrichField")
        }
    }

    @Test("exactly once needs an instance id")
    func delivery() {
        #expect(problem { $0.delivery = .exactlyOnce } == "instanceID")
        #expect(
            problem {
                $0.delivery = .exactlyOnce
                $0.instanceID = "worker-1"
            } == nil)
        #expect(
            problem {
                $0.delivery = .exactlyOnce
                $0.lanes = .interactive
            } == nil)
    }

    @Test(
        "properties that the promises rest on cannot be set",
        arguments: [
            "enable.idempotence", "acks", "enable.auto.commit", "group.id", "group.protocol", "transactional.id",
        ])
    func reserved(name: String) {
        #expect(problem { $0.kafka[name] = "1" } == name)
        #expect(problem { $0.bulk.kafka[name] = "1" } == name)
    }

    @Test(
        "what the brokers decide cannot be set beside the consumer group protocol",
        arguments: [
            "session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy", "group.protocol.type",
        ])
    func consumerProtocol(name: String) {
        #expect(problem { $0.groupProtocol = .consumer } == nil)
        #expect(problem { $0.kafka[name] = "6000" } == nil)
        for setter in [\WorkerConfiguration.kafka, \.bulk.kafka, \.interactive.kafka] {
            #expect(
                problem {
                    $0.groupProtocol = .consumer
                    $0[keyPath: setter][name] = "6000"
                } == name)
        }
    }

    @Test("a worker needs a broker")
    func bootstrap() {
        #expect(problem { $0.kafka["bootstrap.servers"] = nil } == "bootstrap.servers")
    }
}
