import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// A model with an encoder in the queue. (With TRIAGE_TEST_ENCODER all tests have one.)
    @Suite("Encoder model", .enabled(if: SampleModel.encoder != nil, "'make encoder' makes the encoder"))
    struct EncoderModelTests {
        @Test("the kind of model changes under load, workers are killed, and nothing is lost")
        func kindsChangeUnderLoad() throws {
            let name = "kinds of models"
            let stage = try Stage(partitions: 4)
            let link = SampleModel.folder.appending(path: "kind-\(UInt32.random(in: 0...UInt32.max))")
            try point(link, to: try SampleModel.linearPath())
            let audit = try ReplyAudit(on: stage)
            let pool = try WorkerPool(on: stage, count: 2, model: link.path)
            let load = RequestLoad(on: stage, count: 10_000_000, perSecond: Scale.pick(short: 300, soak: 1_000))
            try eventually(within: .seconds(30), "the first answers") { audit.answered > 300 }
            let rounds = Scale.pick(short: 1, soak: 10)
            for round in 0..<rounds {
                for path in [try SampleModel.encoderPath(), try SampleModel.linearPath()] {
                    let before = audit.ledger.models.count
                    try point(link, to: path)
                    for place in pool.occupied { pool.process(place)?.signal(SIGHUP) }
                    if round == 0, path != (try SampleModel.linearPath()) {
                        try eventually(within: .seconds(20), "answers of the other kind") {
                            audit.ledger.models.count > before
                        }
                    }
                    pause(.milliseconds(500))
                    try pool.kill(0)
                    pause(.milliseconds(300))
                    try pool.start(0)
                    pause(.milliseconds(500))
                }
            }
            load.stop()
            let findings = try audit.settle(load, pool: pool, within: .seconds(90))
            let ledger = audit.ledger
            audit.stop()
            report(name, "\(pool.kills) killed, \(findings.text), most memory \(Int(pool.peakMemory)) MiB")
            findings.expectNothingLost()
            #expect(ledger.statusNames == ["ok"])
            #expect(Set(ledger.models).count == 2)
            #expect(pool.selfEnds.isEmpty, "\(pool.selfEnds)")
        }

        /// As somebody who deploys would do it: a link that is replaced.
        private func point(_ link: URL, to path: String) throws {
            let new = link.path + ".new"
            try FileManager.default.createSymbolicLink(atPath: new, withDestinationPath: path)
            guard rename(new, link.path) == 0 else { throw TimedOut(what: "rename", details: "\(errno)") }
        }
    }
}
