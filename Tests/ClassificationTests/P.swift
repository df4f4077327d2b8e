import Testing
@Test func ClassificationPlaceholder() {}
