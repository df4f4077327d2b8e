import Foundation
import Testing

extension EndToEnd {
    @Suite("Model change") struct ModelChangeTests {
        @Test("SIGHUP under load: a good model takes over once, a corrupt and a missing one change nothing")
        func sighupUnderLoadAGoodModelTakesOverOnce()
            throws
        {
            // One partition, so that the replies are read in the order in which they were written.
            let stage = try Stage(partitions: 1)
            let model = SampleModel.folder.appending(path: "changing-\(UInt32.random(in: 0...UInt32.max)).model")
            let (first, second) = (
                URL(filePath: try SampleModel.linearPath()), URL(filePath: try SampleModel.otherPath())
            )
            let corrupt = SampleModel.folder.appending(path: "corrupt.model")
            try Data(contentsOf: second).dropLast(1_000).write(to: corrupt)
            try replace(model, with: first)

            let audit = try ReplyAudit(on: stage)
            let pool = try WorkerPool(on: stage, count: 1, model: model.path)
            let load = RequestLoad(on: stage, count: 10_000_000, perSecond: Scale.pick(short: 3_000, soak: 20_000))
            try eventually(within: .seconds(30), "the first answers") { audit.answered > 1_000 }
            let worker = try #require(pool.process(0))
            let interlude: Duration = Scale.pick(short: .seconds(1), soak: .seconds(10))

            try replace(model, with: corrupt)
            worker.signal(SIGHUP)
            try worker.waitForErrors(containing: model.lastPathComponent)
            pause(interlude)
            #expect(audit.ledger.models.count == 1)

            try FileManager.default.removeItem(at: model)
            worker.signal(SIGHUP)
            pause(interlude)
            #expect(audit.ledger.models.count == 1)

            try replace(model, with: second)
            worker.signal(SIGHUP)
            try eventually(within: .seconds(20), "the second model") { audit.ledger.models.count > 1 }
            worker.signal(SIGHUP)
            pause(interlude)

            load.stop()
            let findings = try audit.settle(load, pool: pool, within: .seconds(60))
            let ledger = audit.ledger
            audit.stop()
            report("model change", "\(findings.text), models \(ledger.models.joined(separator: ", then "))")
            findings.expectNothingLost()
            #expect(ledger.statusNames == ["ok"])
            #expect(ledger.models.count == 2)
            #expect(Set(ledger.models).count == 2)
        }

        /// Whole or not at all, as somebody who deploys would do it.
        private func replace(_ model: URL, with source: URL) throws {
            let new = model.appendingPathExtension("new")
            try Data(contentsOf: source).write(to: new)
            guard rename(new.path, model.path) == 0 else { throw TimedOut(what: "rename", details: "\(errno)") }
        }
    }
}
