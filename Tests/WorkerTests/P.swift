import Testing
@Test func WorkerPlaceholder() {}
