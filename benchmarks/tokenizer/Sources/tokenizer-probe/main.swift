// What the reference tier and the benchmark drive: the tokenizer over files.
//
//     tokenizer-probe ids VOCABULARY FILE          the ids, 4 bytes each, little endian, to standard output
//     tokenizer-probe time VOCABULARY              a line per file that standard input names: bytes, tokens, nanoseconds to
//                                                  encode, to count, to count in slices, for the longest of these slices
//     tokenizer-probe load                         a line per vocabulary: nanoseconds of the first use

import Glibc
import Tokenizer

func fail(_ message: String) -> Never {
    perror("tokenizer-probe: \(message)")
    exit(2)
}

func contents(of path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { fail("cannot read \(path)") }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    let size = ftell(file)
    rewind(file)
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        count = fread(buffer.baseAddress, 1, size, file)
    }
}

func nanoseconds(_ work: () throws -> Void) rethrows -> Int {
    let start = ContinuousClock.now
    try work()
    return Int((ContinuousClock.now - start) / .nanoseconds(1))
}

/// Counts as an event loop would, slice by slice; times in nanoseconds.
func countInSlices(_ text: [UInt8], _ tokenizer: Tokenizer, _ size: Int) -> (count: Int, total: Int, longest: Int) {
    var counter = TokenCounter(tokenizer)
    var total = 0
    var longest = 0
    func step(_ work: () -> Void) {
        let spent = nanoseconds(work)
        total += spent
        longest = max(longest, spent)
    }
    text.withUnsafeBufferPointer { bytes in
        for start in stride(from: 0, to: bytes.count, by: size) {
            step { counter.add(UnsafeBufferPointer(rebasing: bytes[start..<min(start + size, bytes.count)])) }
        }
    }
    var count: Int?
    while count == nil { step { count = counter.settle(work: 4 * size) } }
    return (count ?? 0, total, longest)
}

func vocabulary(_ name: String) -> Vocabulary {
    guard let vocabulary = Vocabulary(rawValue: name) else { fail("unknown vocabulary \(name)") }
    return vocabulary
}

let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "ids" where arguments.count == 4:
    let ids = try Tokenizer.of(vocabulary(arguments[2])).encode(contents(of: arguments[3]))
    ids.withUnsafeBytes { bytes in
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            guard written > 0 else { fail("cannot write the ids") }
            rest = rest.dropFirst(written)
        }
    }
case "time" where arguments.count == 3:
    let tokenizer = Tokenizer.of(vocabulary(arguments[2]))
    while let path = readLine() {
        let text = contents(of: path)
        var ids: [UInt32] = []
        let encode = try nanoseconds { ids = try tokenizer.encode(text) }
        var count = 0
        let counting = nanoseconds { count = tokenizer.count(text) }
        let slices = countInSlices(text, tokenizer, 4096)
        guard [count, slices.count] == [ids.count, ids.count] else {
            fail("\(path): \(ids.count) ids, counted \(count) and \(slices.count)")
        }
        guard try tokenizer.decode(ids) == text else { fail("\(path): decodes to something else") }
        print(text.count, ids.count, encode, counting, slices.total, slices.longest)
        fflush(nil)
    }
case "load":
    for vocabulary in Vocabulary.allCases { print(vocabulary.rawValue, nanoseconds { _ = Tokenizer.of(vocabulary) }) }
default:
    fail("ids VOCABULARY FILE | time VOCABULARY FILE... | load")
}
