/// The version of the gateway's HTTP interface, as `/v2` and the specification have it.
package enum GatewayVersion {
    package static let current = "1.0.0"
}
