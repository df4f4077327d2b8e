// swift-tools-version: 6.2
import PackageDescription

// Set-up (`compose/local/setup`) places a current librdkafka here when the system's is too old; a missing folder is
// ignored by the linker. The second path is the same folder seen from the executable, so that it runs from anywhere.
let libraries = Context.packageDirectory + "/.deps/lib"
let findLibraries: [LinkerSetting] = [
    .unsafeFlags(["-L\(libraries)", "-Xlinker", "-rpath=$ORIGIN/../../../.deps/lib"])
]

// Warnings are errors, in our own targets only. A newer compiler may know new ones: ALLOW_WARNINGS=1 lets them pass.
let strictness: [SwiftSetting] = Context.environment["ALLOW_WARNINGS"] == nil ? [.treatAllWarnings(as: .error)] : []

let settings: [SwiftSetting] =
    strictness + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]

// For the targets that every sentence passes. Checking at run time that no two accesses to a class's property overlap costs
// 6 to 11 % of a worker's processor time; debug builds still do it.
let hotPathSettings: [SwiftSetting] =
    settings + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

let package = Package(
    name: "triage",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "triage", targets: ["triage"])],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types.git", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration.git", exact: "1.4.0", traits: ["JSON", "YAML"]),
        .package(url: "https://github.com/apple/swift-system.git", exact: "1.8.1"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CRdKafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "Kafka",
            dependencies: ["CRdKafka", "Telemetry", .product(name: "Logging", package: "swift-log")],
            swiftSettings: hotPathSettings, linkerSettings: findLibraries),
        .target(
            name: "Classification",
            dependencies: [
                "CZlib", "Messages", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Yams", package: "Yams"),
            ],
            exclude: ["MODEL_CARD.md"],
            swiftSettings: hotPathSettings),
        .target(name: "Messages", swiftSettings: hotPathSettings),
        .target(
            name: "Telemetry",
            dependencies: [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            swiftSettings: settings),
        .target(
            name: "Worker",
            dependencies: [
                "Kafka", "Classification", "Messages", "Telemetry",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: hotPathSettings),
        .target(
            name: "Gateway",
            dependencies: [
                "Kafka", "Messages", "Telemetry",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            resources: [.embedInCode("Pages/Files")],
            swiftSettings: settings),
        .executableTarget(
            name: "triage",
            dependencies: [
                "Worker", "Gateway", "Kafka", "Classification", "Messages", "Telemetry",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings, linkerSettings: findLibraries),
        .target(
            name: "TestSupport",
            dependencies: ["Kafka", .product(name: "Logging", package: "swift-log")],
            path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(
            name: "KafkaTests",
            dependencies: ["Kafka", "TestSupport", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings, linkerSettings: findLibraries),
        .testTarget(
            name: "ClassificationTests",
            dependencies: ["Classification", .product(name: "Crypto", package: "swift-crypto")],
            exclude: ["Inputs"],
            swiftSettings: settings),
        .testTarget(name: "MessagesTests", dependencies: ["Messages"], swiftSettings: settings),
        .testTarget(
            name: "TelemetryTests",
            dependencies: [
                "Telemetry", .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "Worker", "Kafka", "Classification", "Messages", "Telemetry", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings, linkerSettings: findLibraries),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Gateway", "Kafka", "Messages", "Telemetry", "TestSupport",
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings, linkerSettings: findLibraries),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "TestSupport", "Kafka", "Messages", "Classification",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings, linkerSettings: findLibraries),
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "Classification", "Gateway", "Messages",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Benchmarks/Micro", swiftSettings: settings, linkerSettings: findLibraries),
        .executableTarget(
            name: "ConstantServer",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ],
            path: "Tests/Benchmarks/Constant", swiftSettings: settings),
    ]
)
