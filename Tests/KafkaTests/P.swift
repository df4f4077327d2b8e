import Testing
@Test func KafkaPlaceholder() {}
