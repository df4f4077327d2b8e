import Testing
@Test func MessagesPlaceholder() {}
