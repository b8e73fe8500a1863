// swift-tools-version: 6.2
import PackageDescription

// Arrows point only downwards (ARCHITECTURE.md, "Layers"); `scripts/check-imports` holds the sources to this list.

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

func layer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: strict)
}

func tests(
    of name: String,
    _ dependencies: [Target.Dependency] = [],
    exclude: [String] = [],
    resources: [Resource] = []
) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.init(stringLiteral: name)] + dependencies,
        exclude: exclude,
        resources: resources,
        swiftSettings: strict
    )
}

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let posix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let tls: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let webSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let http2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let hpack: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let yaml: Target.Dependency = .product(name: "Yams", package: "Yams")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "ai-gateway",
    products: [.executable(name: "ai-gateway", targets: ["ai-gateway"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.44.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // 0 values
        layer("GatewayModel", [yaml]),
        // 1 bytes
        // C without Swift: sixteen bytes at a time, and a check by instruction.
        .target(name: "CByteScan"),
        layer("HTTPWire", ["CByteScan", nio]),
        layer("JSONScan", ["CByteScan"]),
        layer("Dialects", ["GatewayModel", "JSONScan", "CByteScan"]),
        // C for `#embed`: the vocabularies as read-only data.
        .target(name: "CTokenizerTables", exclude: ["README.md", "tables"]),
        layer("Tokenizer", ["CTokenizerTables"]),
        // 2 seams
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CBrotli", pkgConfig: "libbrotlidec", providers: [.apt(["libbrotli-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CMariaDB", pkgConfig: "libmariadb", providers: [.apt(["libmariadb-dev"])]),
        .systemLibrary(name: "CMalloc"),
        layer("Telemetry", ["GatewayModel", "CByteScan"]),
        layer("SharedState", ["GatewayModel"]),
        layer("Storage", ["GatewayModel", crypto]),
        layer("Journal", ["GatewayModel", "CByteScan"]),
        // C without Swift: data.
        .target(name: "CPriceData", exclude: ["README.md", "prices.json"]),
        layer("Pricing", ["GatewayModel", "CPriceData"]),
        // 3 core and drivers
        layer(
            "GatewayCore",
            [
                "GatewayModel", "CByteScan", "HTTPWire", "JSONScan", "Dialects", "Telemetry", "SharedState", "Journal",
                "CZlib", "CBrotli", "CZstd", nio, crypto,
            ]
        ),
        layer("SQLiteStorage", ["GatewayModel", "Storage", grdb]),
        layer("MySQLStorage", ["GatewayModel", "Storage", "CMariaDB"]),
        layer(
            "ServiceKit",
            ["GatewayModel", "Storage", hummingbird, httpTypes, logging, crypto, cryptoExtras, nio, posix]
        ),
        // 4 services
        layer(
            "GatewayServer",
            [
                "GatewayModel", "CByteScan", "GatewayCore", "HTTPWire", "Dialects", "Telemetry", "SharedState",
                "Journal", nio,
                posix, nioHTTP1, nioTLS, http2, hpack, tls, httpClient, logging, lifecycle, crypto,
            ]
        ),
        layer(
            "ConfigCenter",
            [
                "GatewayModel", "Storage", "ServiceKit", "Telemetry", hummingbird, hummingbirdCore, hummingbirdTLS,
                httpTypes, logging, lifecycle, crypto, cryptoExtras, nio, tls,
            ]
        ),
        layer(
            "TokenService",
            [
                "GatewayModel", "Dialects", "Tokenizer", "Storage", "Pricing", "ServiceKit", hummingbird,
                hummingbirdCore, httpTypes,
                httpClient, logging, lifecycle, nio, nioHTTP1,
            ]
        ),
        layer(
            "Simulator",
            ["JSONScan", "CZlib", hummingbird, hummingbirdCore, httpTypes, logging, lifecycle, nio, webSocket, crypto]
        ),
        // 5 commands
        layer(
            "Commands",
            [
                "GatewayModel", "Dialects", "Tokenizer", "GatewayCore", "GatewayServer", "ConfigCenter", "TokenService",
                "Simulator",
                "SQLiteStorage", "MySQLStorage", "ServiceKit", "Storage", "Telemetry", "SharedState", "Journal",
                "Pricing", "CMalloc",
                yaml,
                arguments, logging, lifecycle, signals, httpClient, nio, nioHTTP1, posix, crypto,
            ]
        ),
        .executableTarget(name: "ai-gateway", dependencies: ["Commands"], swiftSettings: strict),
        // tests
        tests(of: "GatewayModel", [yaml]),
        tests(
            of: "HTTPWire",
            [
                "CByteScan", nio, posix, nioHTTP1, .product(name: "NIOEmbedded", package: "swift-nio"),
            ]
        ),
        tests(of: "JSONScan"),
        tests(of: "Dialects", ["JSONScan", "GatewayModel"], exclude: ["Goldens"]),
        tests(of: "Tokenizer"),
        tests(of: "Telemetry", ["GatewayModel"]),
        tests(of: "SharedState", ["GatewayModel"]),
        tests(of: "Journal", ["GatewayModel", "CByteScan"]),
        tests(of: "Pricing", ["GatewayModel"]),
        tests(of: "TokenService", ["Dialects", "Tokenizer"]),
        tests(
            of: "GatewayCore",
            ["GatewayModel", "HTTPWire", "Dialects", "SharedState", "Journal", "Telemetry", nio, crypto]
        ),
        tests(
            of: "GatewayServer",
            [
                "GatewayModel", "GatewayCore", "HTTPWire", nio, posix, tls, hpack, logging,
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]
        ),
        .target(
            name: "StorageConformance",
            dependencies: ["GatewayModel", "Storage"],
            path: "Tests/StorageConformance",
            exclude: ["README.md"],
            swiftSettings: strict
        ),
        tests(of: "SQLiteStorage", ["Storage", "GatewayModel", "StorageConformance", grdb]),
        tests(of: "MySQLStorage", ["Storage", "GatewayModel", "StorageConformance"]),
        tests(
            of: "ConfigCenter",
            [
                "GatewayModel", "GatewayServer", "Storage", "SQLiteStorage", "ServiceKit", httpTypes, logging,
                lifecycle,
                hummingbird, .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]
        ),
        tests(
            of: "Simulator",
            ["JSONScan", hummingbird, httpTypes, nio, .product(name: "HummingbirdTesting", package: "hummingbird")]
        ),
        tests(of: "Commands", ["GatewayModel", "GatewayCore", "Journal", "Storage", "Telemetry", arguments, logging]),
    ],
    swiftLanguageModes: [.v6]
)
