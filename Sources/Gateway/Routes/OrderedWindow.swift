import Synchronization

/// A bounded queue between one producer task and one consumer task. The producer waits while it is full, the consumer
/// while it is empty. Cancelling a waiting task ends the queue.
final class OrderedWindow<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isFinished = false
        var failure: (any Error)?
        var adding: CheckedContinuation<Void, Never>?
        var taking: CheckedContinuation<Void, Never>?
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Appends an element once there is room. Returns false if the queue has ended.
    func add(_ element: Element) async -> Bool {
        await withTaskCancellationHandler {
            while true {
                let (isAdded, isFinished, taker) = state.withLock { state in
                    if state.isFinished { return (false, true, nil as CheckedContinuation<Void, Never>?) }
                    guard state.elements.count < capacity else { return (false, false, nil) }
                    state.elements.append(element)
                    return (true, false, state.taking.take())
                }
                taker?.resume()
                if isAdded { return true }
                if isFinished { return false }
                await withCheckedContinuation { continuation in
                    let hasRoom = state.withLock { state in
                        if state.elements.count < capacity || state.isFinished { return true }
                        state.adding = continuation
                        return false
                    }
                    if hasRoom { continuation.resume() }
                }
            }
        } onCancel: {
            finish()
        }
    }

    /// Removes the oldest element once there is one; nil at the end.
    ///
    /// - Throws: the error passed to `finish(throwing:)`, after all elements have been taken.
    func take() async throws -> Element? {
        try await withTaskCancellationHandler {
            while true {
                let (element, isFinished, failure, adder) = state.withLock { state in
                    guard !state.elements.isEmpty else {
                        return (
                            nil as Element?, state.isFinished, state.failure, nil as CheckedContinuation<Void, Never>?
                        )
                    }
                    return (state.elements.removeFirst(), false, nil, state.adding.take())
                }
                adder?.resume()
                if let element { return element }
                if let failure { throw failure }
                if isFinished { return nil }
                await withCheckedContinuation { continuation in
                    let hasNews = state.withLock { state in
                        if !state.elements.isEmpty || state.isFinished { return true }
                        state.taking = continuation
                        return false
                    }
                    if hasNews { continuation.resume() }
                }
            }
        } onCancel: {
            finish()
        }
    }

    /// Ends the queue. The remaining elements can still be taken.
    func finish(throwing failure: (any Error)? = nil) {
        let (adder, taker) = state.withLock { state in
            if !state.isFinished { state.failure = failure }
            state.isFinished = true
            return (state.adding.take(), state.taking.take())
        }
        adder?.resume()
        taker?.resume()
    }

    /// Ends the queue and returns the remaining elements.
    func abandon() -> [Element] {
        finish()
        return state.withLock { state in
            defer { state.elements = [] }
            return state.elements
        }
    }
}
