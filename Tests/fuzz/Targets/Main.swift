import CFuzzer
import Glibc

/// One program with all targets, so that it is linked once: `fuzz TARGET [libFuzzer's arguments]`; without arguments it
/// lists the targets.
@main
struct Main {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count > 1 else {
            for target in Target.allCases { print(target.rawValue) }
            return
        }
        guard let target = Target(rawValue: arguments[1]) else {
            print("no such target: \(arguments[1])")
            exit(2)
        }
        selected = target
        // libFuzzer takes the name of the target for the name of the program.
        var count = CommandLine.argc - 1
        var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
        exit(
            LLVMFuzzerRunDriver(&count, &rest) { data, size in
                selected.check(Array(UnsafeBufferPointer(start: data, count: size)))
                return 0
            }
        )
    }
}

/// What can be fuzzed. Each checks that nothing depends on how the bytes were split, and compares with a slow reading of
/// the same grammar.
enum Target: String, CaseIterable {
    case requestHead = "request-head"
    case responseHead = "response-head"
    case chunkedBody = "chunked-body"
    case json
    case events
    case multipart
    case snapshotEvents = "snapshot-events"
    case translatedStream = "translated-stream"
    case translatedBody = "translated-body"
    case tokens
    case exchange

    func check(_ input: [UInt8]) {
        switch self {
        case .requestHead: RequestHeadCheck.run(input)
        case .responseHead: ResponseHeadCheck.run(input)
        case .chunkedBody: ChunkedBodyCheck.run(input)
        case .json: JSONCheck.run(input)
        case .events: EventsCheck.run(input)
        case .multipart: MultipartCheck.run(input)
        case .snapshotEvents: SnapshotEventsCheck.run(input)
        case .translatedStream: TranslatedStreamCheck.run(input)
        case .translatedBody: TranslatedBodyCheck.run(input)
        case .tokens: TokensCheck.run(input)
        case .exchange: ExchangesCheck.run(input)
        }
    }
}

// WHY unsafe: written once, before libFuzzer's single thread begins.
nonisolated(unsafe) private var selected = Target.requestHead
