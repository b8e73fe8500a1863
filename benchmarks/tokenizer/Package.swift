// swift-tools-version: 6.2
import PackageDescription

// The tokenizer alone, so that comparing it takes a build of seconds. The sources are the gateway's.

let package = Package(
    name: "tokenizer-probe",
    targets: [
        .target(name: "CTokenizerTables", exclude: ["README.md", "tables"]),
        .target(
            name: "Tokenizer",
            dependencies: ["CTokenizerTables"],
            exclude: ["README.md"],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"), .treatAllWarnings(as: .error),
            ]
        ),
        .executableTarget(name: "tokenizer-probe", dependencies: ["Tokenizer"]),
    ],
    swiftLanguageModes: [.v6]
)
