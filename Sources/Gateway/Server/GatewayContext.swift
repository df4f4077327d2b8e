package import Hummingbird
package import NIOCore

/// What belongs to one HTTP request.
package struct GatewayContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// When the request's head had been read.
    package let start: MonotonicTime
    /// The client's connection.
    package let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.channel = source.channel
        self.start = .now
    }
}
