import Classification
import Synchronization

/// The model that the lanes use now. A lane looks at ``generation`` between batches, one atomic load, and takes the
/// classifier only when it has changed.
final class CurrentModel: Sendable {
    private let classifier: Mutex<any Classifier>
    private let counter = Atomic<UInt64>(1)

    init(_ classifier: any Classifier) {
        self.classifier = Mutex(classifier)
    }

    /// Grows with every replacement.
    var generation: UInt64 { counter.load(ordering: .acquiring) }

    /// The classifier, which may already be newer than a ``generation`` read before.
    func take() -> any Classifier { classifier.withLock { $0 } }

    func replace(with newer: any Classifier) {
        classifier.withLock { $0 = newer }
        counter.add(1, ordering: .releasing)
    }
}
