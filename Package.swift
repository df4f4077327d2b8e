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

// The commit that `triage --version` tells: compose/run, compose/test, make and the image say it. SwiftPM could ask git
// itself (`Context.gitInformation`), but keeps the answer until this file changes.
let commit = (Context.environment["SOURCE_COMMIT"] ?? "").filter {
    $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-")
}

let settings: [SwiftSetting] =
    strictness + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]

// The packages that are here for their versions alone count as used, or every build would warn of them, and are built nowhere.
let pinned: [Target.Dependency] = [
    ("Algorithms", "swift-algorithms"), ("SwiftASN1", "swift-asn1"), ("AsyncAlgorithms", "swift-async-algorithms"),
    ("Atomics", "swift-atomics"), ("X509", "swift-certificates"), ("Collections", "swift-collections"),
    ("Configuration", "swift-configuration"), ("Tracing", "swift-distributed-tracing"),
    ("StructuredFieldValues", "swift-http-structured-headers"), ("Metrics", "swift-metrics"),
    ("NIOExtras", "swift-nio-extras"), ("NIOHTTP2", "swift-nio-http2"),
    ("NIOTransportServices", "swift-nio-transport-services"), ("Numerics", "swift-numerics"),
    ("ServiceContextModule", "swift-service-context"), ("SystemPackage", "swift-system"),
].map { .product(name: $0.0, package: $0.1, condition: .when(platforms: [.windows])) }

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
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types.git", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        // What those bring along, and what that brings along, so that a build is of the same sources wherever it is made. (Whether
        // it is all of them, `compose/local/lint` looks.)
        .package(url: "https://github.com/apple/swift-algorithms.git", exact: "1.2.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-async-algorithms.git", exact: "1.1.4"),
        .package(url: "https://github.com/apple/swift-atomics.git", exact: "1.3.0"),
        .package(url: "https://github.com/apple/swift-certificates.git", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections.git", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration.git", exact: "1.4.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", exact: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-structured-headers.git", exact: "1.7.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-transport-services.git", exact: "1.28.0"),
        .package(url: "https://github.com/apple/swift-numerics.git", exact: "1.1.1"),
        .package(url: "https://github.com/apple/swift-service-context.git", exact: "1.5.1"),
        .package(url: "https://github.com/apple/swift-system.git", exact: "1.8.1"),
    ],
    targets: [
        .systemLibrary(name: "CRdKafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "COpenVINO"),
        .target(name: "CBuild", cSettings: [.define("SOURCE_COMMIT", to: commit)]),
        .target(name: "Platform", swiftSettings: settings),
        .target(
            name: "HTTPServer",
            dependencies: [
                "CZlib", "Messages", "Platform",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .target(
            name: "Kafka",
            dependencies: ["CRdKafka", .product(name: "Logging", package: "swift-log")],
            swiftSettings: hotPathSettings, linkerSettings: findLibraries),
        .target(
            name: "Classification",
            dependencies: [
                "COpenVINO", "CZlib", "Messages", "Platform", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Yams", package: "Yams"),
            ],
            exclude: ["MODEL_CARD.md"],
            swiftSettings: hotPathSettings),
        .target(name: "Messages", dependencies: ["Platform"], swiftSettings: hotPathSettings),
        .target(
            name: "Telemetry",
            dependencies: ["CBuild", "Platform", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
        .target(
            name: "Worker",
            dependencies: [
                "HTTPServer", "Kafka", "Classification", "Messages", "Platform", "Telemetry",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: hotPathSettings),
        .target(
            name: "Gateway",
            dependencies: [
                "HTTPServer", "Kafka", "Messages", "Platform", "Telemetry",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [.embedInCode("Pages/Files")],
            swiftSettings: settings),
        .executableTarget(
            name: "triage",
            dependencies: [
                "Worker", "Gateway", "HTTPServer", "Kafka", "Classification", "Messages", "Platform", "Telemetry",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings, linkerSettings: findLibraries),
        .systemLibrary(name: "CRdKafkaMock", path: "Tests/CRdKafkaMock"),
        .target(
            name: "TestSupport",
            dependencies: [
                "CRdKafka", "CRdKafkaMock", "Kafka", "Platform", .product(name: "Logging", package: "swift-log"),
            ],
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
        .testTarget(
            name: "MessagesTests", dependencies: ["Messages", "Platform", "TestSupport"], swiftSettings: settings,
            linkerSettings: findLibraries),
        .testTarget(
            name: "TelemetryTests",
            dependencies: ["Telemetry", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "Worker", "Kafka", "Classification", "Messages", "Platform", "Telemetry", "TestSupport",
                "WorkerTestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings, linkerSettings: findLibraries),
        .target(
            name: "WorkerTestSupport",
            dependencies: [
                "Worker", "Kafka", "Classification", "Messages", "Telemetry", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/WorkerTestSupport", swiftSettings: settings),
        .testTarget(
            name: "HTTPServerTests",
            dependencies: [
                "HTTPServer", "Platform", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings, linkerSettings: findLibraries),
        .target(
            name: "GatewayTestSupport",
            dependencies: [
                "Gateway", "HTTPServer", "Kafka", "Messages", "Platform", "Telemetry", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/GatewayTestSupport", swiftSettings: settings),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Gateway", "HTTPServer", "Kafka", "Messages", "Platform", "Telemetry", "TestSupport",
                "GatewayTestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
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
                "Classification", "Gateway", "Messages", "Platform",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Benchmarks/Micro", swiftSettings: settings, linkerSettings: findLibraries),
        .executableTarget(
            name: "ConstantServer",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ] + pinned,
            path: "Tests/Benchmarks/Constant", swiftSettings: settings),
    ]
)
