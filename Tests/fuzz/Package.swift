// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the project's build knows nothing of coverage and sanitizers. It compiles those sources
// again that read bytes from outside, and nothing else: `scripts/fuzz` lays it out with the folder `Sources` beside it.

let runtime = Context.environment["FUZZER_RUNTIME"] ?? ""

let instrumented: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-sanitize=fuzzer", "-enable-testing"]),
]

func layer(_ name: String, _ dependencies: [Target.Dependency], sources: [String]? = nil) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        path: "Sources/\(name)",
        exclude: sources == nil ? ["README.md"] : [],
        sources: sources,
        swiftSettings: instrumented
    )
}

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")

let package = Package(
    name: "ai-gateway-fuzz",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        layer("GatewayModel", [.product(name: "Yams", package: "Yams")]),
        .target(
            name: "CByteScan",
            path: "Sources/CByteScan",
            cSettings: [.unsafeFlags(["-fsanitize=fuzzer-no-link"])]
        ),
        layer("HTTPWire", ["CByteScan", nio]),
        layer("JSONScan", ["CByteScan"]),
        layer("Dialects", ["GatewayModel", "JSONScan", "CByteScan"]),
        .target(name: "CTokenizerTables", path: "Sources/CTokenizerTables", exclude: ["README.md", "tables"]),
        layer("Tokenizer", ["CTokenizerTables"]),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CBrotli", path: "Sources/CBrotli", pkgConfig: "libbrotlidec"),
        .systemLibrary(name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd"),
        layer("Telemetry", ["GatewayModel", "CByteScan"]),
        layer("SharedState", ["GatewayModel"]),
        layer("Journal", ["GatewayModel", "CByteScan"]),
        layer(
            "GatewayCore",
            [
                "GatewayModel", "CByteScan", "HTTPWire", "JSONScan", "Dialects", "Telemetry", "SharedState", "Journal",
                "CZlib",
                "CBrotli", "CZstd", nio, .product(name: "Crypto", package: "swift-crypto"),
            ]
        ),
        layer("GatewayServer", [], sources: ["Snapshots/SnapshotEventParser.swift"]),
        .target(name: "CFuzzer", path: "Fuzz/Runtime"),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CFuzzer", "GatewayModel", "HTTPWire", "JSONScan", "Dialects", "GatewayCore", "GatewayServer",
                "Journal", "Tokenizer",
                nio,
            ],
            path: "Fuzz/Targets",
            swiftSettings: instrumented,
            linkerSettings: [.unsafeFlags([runtime]), .linkedLibrary("stdc++"), .linkedLibrary("m")]
        ),
    ],
    swiftLanguageModes: [.v6]
)
