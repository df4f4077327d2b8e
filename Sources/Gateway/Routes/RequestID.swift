/// Ids for requests that came without one.
enum RequestID {
    /// 32 random hexadecimal digits.
    static func fresh() -> String {
        var random = SystemRandomNumberGenerator()
        return CorrelationID(using: &random).hexadecimal
    }
}
