/// A name that no other test uses, so that tests share a broker: `PREFIX-` and 12 random hexadecimal digits.
public func uniqueName(_ prefix: String) -> String {
    let digits = String(UInt64.random(in: 0..<1 << 48), radix: 16)
    return "\(prefix)-" + String(repeating: "0", count: 12 - digits.count) + digits
}
