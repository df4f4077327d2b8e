/// Minimises a smooth function of many variables with L-BFGS and a backtracking line search.
///
/// Variables are stored in 8-lane vectors. Sums run in a fixed order, so equal input gives bit-identical results.
package struct LimitedMemoryBFGS {
    package typealias Vector = UnsafeMutablePointer<SIMD8<Float>>

    /// The maximum number of iterations.
    package var maximumIterations: Int
    /// Stops when an iteration lowers the value by less than this fraction of it.
    package var tolerance: Double
    /// The number of earlier steps kept to approximate the Hessian.
    package var history: Int

    package init(maximumIterations: Int, tolerance: Double, history: Int) {
        self.maximumIterations = maximumIterations
        self.tolerance = tolerance
        self.history = history
    }

    /// Minimises from zero and returns the best point, which the caller deallocates.
    /// - Parameters:
    ///   - count: The number of 8-lane vectors of variables.
    ///   - evaluate: Returns the value at a point and fills the gradient.
    ///   - progress: Called after each iteration with its number.
    package func minimize(
        count: Int, evaluate: (UnsafePointer<SIMD8<Float>>, Vector) -> Double, progress: (Int) -> Void
    ) -> Vector {
        func vector() -> Vector {
            let new = Vector.allocate(capacity: count)
            new.initialize(repeating: .zero, count: count)
            return new
        }
        var point = vector()
        var gradient = vector()
        var nextPoint = vector()
        var nextGradient = vector()
        let direction = vector()
        let steps = (0..<history).map { _ in vector() }
        let changes = (0..<history).map { _ in vector() }
        var curvatures = [Double](repeating: 0, count: history)
        var taken = 0
        defer { ([gradient, nextPoint, nextGradient, direction] + steps + changes).forEach { $0.deallocate() } }

        var value = evaluate(point, gradient)
        for iteration in 1...max(1, maximumIterations) {
            direction.update(from: gradient, count: count)
            let recent = (max(0, taken - history)..<taken).map { $0 % history }
            turn(direction, count, recent, steps, changes, curvatures)
            let slope = -Self.dot(gradient, direction, count)
            guard slope < 0 else { break }
            var length: Float = taken == 0 ? min(1, 10 / Float(Self.dot(gradient, gradient, count).squareRoot())) : 1
            var nextValue = value
            for _ in 0..<30 {
                for place in 0..<count { nextPoint[place] = point[place] - direction[place] * length }
                nextValue = evaluate(nextPoint, nextGradient)
                if nextValue <= value + 1e-4 * Double(length) * slope { break }
                length *= 0.5
            }
            guard nextValue < value else { break }
            let slot = taken % history
            for place in 0..<count {
                steps[slot][place] = nextPoint[place] - point[place]
                changes[slot][place] = nextGradient[place] - gradient[place]
            }
            curvatures[slot] = Self.dot(steps[slot], changes[slot], count)
            if curvatures[slot] > 0 { taken += 1 }
            swap(&point, &nextPoint)
            swap(&gradient, &nextGradient)
            let gain = value - nextValue
            value = nextValue
            progress(iteration)
            if gain < tolerance * max(1, abs(value)) { break }
        }
        return point
    }

    /// Turns a gradient into the search direction: the two-loop recursion over earlier steps.
    private func turn(
        _ direction: Vector, _ count: Int, _ recent: [Int], _ steps: [Vector], _ changes: [Vector],
        _ curvatures: [Double]
    ) {
        var shares = [Double](repeating: 0, count: history)
        for slot in recent.reversed() {
            shares[slot] = Self.dot(steps[slot], direction, count) / curvatures[slot]
            Self.add(-Float(shares[slot]), changes[slot], to: direction, count)
        }
        if let latest = recent.last {
            let scale = Float(curvatures[latest] / Self.dot(changes[latest], changes[latest], count))
            for place in 0..<count { direction[place] *= scale }
        }
        for slot in recent {
            let share = Self.dot(changes[slot], direction, count) / curvatures[slot]
            Self.add(Float(shares[slot] - share), steps[slot], to: direction, count)
        }
    }

    private static func add(_ factor: Float, _ vector: Vector, to sum: Vector, _ count: Int) {
        for place in 0..<count { sum[place] += vector[place] * factor }
    }

    private static func dot(_ left: Vector, _ right: Vector, _ count: Int) -> Double {
        var total = 0.0
        for start in stride(from: 0, to: count, by: 128) {
            var even = SIMD8<Float>.zero
            for place in start..<min(start + 128, count) { even += left[place] * right[place] }
            total += Double(even.sum())
        }
        return total
    }
}
