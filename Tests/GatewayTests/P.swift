import Testing
@Test func GatewayPlaceholder() {}
