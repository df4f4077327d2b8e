struct InferenceRoutes { let core: GatewayCore; var endpoints: [Endpoint] { [] } }
struct PageRoutes { let core: GatewayCore; var endpoints: [Endpoint] { [] } }
