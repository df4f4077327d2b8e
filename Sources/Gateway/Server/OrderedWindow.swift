import Synchronization

/// A queue between one task that adds and one that takes, which holds a bounded number of elements: who adds waits while it
/// is full, who takes waits while it is empty.
final class OrderedWindow<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isFinished = false
        var adding: CheckedContinuation<Void, Never>?
        var taking: CheckedContinuation<Void, Never>?
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Adds an element once there is room; false when the queue has ended and the element was not taken.
    func add(_ element: Element) async -> Bool {
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
    }

    /// Takes the oldest element once there is one; nil at the end.
    func take() async -> Element? {
        while true {
            let (element, isFinished, adder) = state.withLock { state in
                guard !state.elements.isEmpty else {
                    return (nil as Element?, state.isFinished, nil as CheckedContinuation<Void, Never>?)
                }
                return (state.elements.removeFirst(), false, state.adding.take())
            }
            adder?.resume()
            if let element { return element }
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
    }

    /// Ends the queue: nothing more is added, and what is in it can still be taken.
    func finish() {
        let (adder, taker) = state.withLock { state in
            state.isFinished = true
            return (state.adding.take(), state.taking.take())
        }
        adder?.resume()
        taker?.resume()
    }

    /// Ends the queue and returns what was still in it.
    func abandon() -> [Element] {
        finish()
        return state.withLock { state in
            defer { state.elements = [] }
            return state.elements
        }
    }
}
