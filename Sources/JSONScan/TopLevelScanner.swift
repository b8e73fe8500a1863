// WHY: longer than 200 lines: one state machine.

import CByteScan

// Reads one JSON object (RFC 8259) and reports where its decisive members are: those whose names are watched. Everything
// below the top level is skipped, with its brackets balanced, its strings closed and every byte outside of strings one
// that JSON knows. Pieces may be split anywhere; nothing is copied except the values that are to be captured.
//
// A watched name that appears twice, in other case, or spelled with escapes is refused: readers disagree on such bodies,
// and what was checked must be what is forwarded.

/// Finds top-level members without decoding the document. Reused: `reset()` keeps the memory.
///
/// A class: it is kept by whoever reads one document after the other, and as a struct it would be copied, arrays retained,
/// at every look at a member from another module.
@usableFromInline
package final class TopLevelScanner {
    /// Where a member's value stands, counted from the first byte that was fed; strings include their quotes.
    @usableFromInline
    package struct Member: Sendable, Equatable {
        @usableFromInline package var kind: JSONKind
        @usableFromInline package var start: Int
        @usableFromInline package var end: Int

        @inlinable package var range: Range<Int> { self.start..<self.end }
    }

    enum State: Sendable, Equatable {
        case start
        /// After `{`: a name or the end.
        case firstName
        /// After a comma: a name.
        case name
        case inName
        case inNameEscape
        case colon
        case value
        case inString
        case inStringEscape
        /// A number, `true`, `false` or `null`.
        case inScalar
        case inContainer
        case inContainerString
        case inContainerEscape
        case afterValue
        case finished
    }

    static let depthLimit = 256
    private static let nameLimit = 192

    let watched: [StaticString]
    /// What the pass over a whole document looks for: `watched`, then what `counting` reads, and the room for its answers.
    let names: UnsafeMutableBufferPointer<byte_scan_name>
    /// Stands for the document.
    let root: UnsafeMutablePointer<byte_scan_name>
    let found: UnsafeMutableBufferPointer<byte_scan_member>
    let counting: CountReader?
    var counts: CountReader.Counts?
    /// Whether the document may refer to stored files; false only when it is certain that it does not.
    package internal(set) var mayNameFiles = true
    let captureLimit: Int
    var state = State.start
    var offset = 0
    private var depth = 0
    private var name: [UInt8] = []
    private var nameHasEscape = false
    private var current = -1
    private var valueStart = 0
    private var valueKind = JSONKind.null
    /// The literal that the value must be; empty for numbers.
    private var literal: StaticString = ""
    @usableFromInline var members: [Member?]
    var captures: [[UInt8]]

    /// Watches for `names`, whose positions are the indices of `subscript`. With a `captureLimit`, the bytes of watched
    /// values are kept, up to that many of each. `counting` says what the first of them holds, so that it need not be read
    /// twice.
    package init(watching names: [StaticString], captureLimit: Int = 0, counting: CountReader? = nil) {
        precondition(names.count <= 255, "more names than a byte can count")
        self.watched = names
        self.captureLimit = captureLimit
        self.members = Array(repeating: nil, count: names.count)
        self.captures = captureLimit > 0 ? Array(repeating: [], count: names.count) : []
        self.counting = counting
        let within = counting?.names ?? []
        self.names = .allocate(capacity: names.count + within.count)
        self.found = .allocate(capacity: names.count + within.count)
        self.found.initialize(repeating: byte_scan_member(start: 0, end: 0))
        for (place, name) in names.enumerated() {
            self.names.initializeElement(at: place, to: byte_scan_name(of: name))
        }
        for (place, name) in within.enumerated() {
            var name = name
            name.first_child += names.count
            self.names.initializeElement(at: names.count + place, to: name)
        }
        if let counting {
            self.names[0].first_child = names.count
            self.names[0].child_count = counting.root.child_count
            byte_scan_index(&self.names[0], self.names.baseAddress)
        }
        self.root = .allocate(capacity: 1)
        self.root.initialize(to: byte_scan_name(of: "", children: names.count))
        byte_scan_index(self.root, self.names.baseAddress)
    }

    deinit {
        self.root.deallocate()
        self.names.deallocate()
        self.found.deallocate()
    }

    package func reset() {
        self.state = .start
        self.offset = 0
        self.depth = 0
        self.current = -1
        self.counts = nil
        for index in self.members.indices { self.members[index] = nil }
        for index in self.captures.indices where !self.captures[index].isEmpty {
            self.captures[index].removeAll(keepingCapacity: true)
        }
    }

    /// The member watched at `index`, when it was there.
    @inlinable package subscript(index: Int) -> Member? { self.members[index] }

    /// The bytes of the value watched at `index`; nil when it was not there or was longer than the limit.
    package func captured(_ index: Int) -> [UInt8]? {
        guard let member = self.members[index], member.end - member.start <= self.captureLimit else { return nil }
        return self.captures[index]
    }

    /// What the first watched member holds, when the document lay in one piece; its bytes are not kept then. Given once.
    package func takeCounts() -> CountReader.Counts? { self.counts.take() }

    package var isFinished: Bool { self.state == .finished }

    /// Says that no more bytes come.
    package func finish() throws(JSONFlaw) {
        guard self.state == .finished else { throw self.state == .start ? .notAnObject : .truncated }
    }

    /// Takes the next piece. Costs one pass, about an instruction per byte within strings.
    package func feed(_ bytes: borrowing Span<UInt8>) throws(JSONFlaw) {
        if self.state == .start, self.offset == 0 {
            if bytes.withUnsafeBufferPointer({ self.readWhole($0) }) { return }
            self.mayNameFiles = true
        }
        var index = 0
        var captureFrom = 0
        while index < bytes.count { try self.step(bytes, &index, &captureFrom) }
        self.capture(bytes, from: captureFrom, to: bytes.count)
        self.offset += bytes.count
    }

    // WHY: longer than 60 lines: the switch over the states.
    @inline(__always)
    private func step(
        _ bytes: borrowing Span<UInt8>,
        _ index: inout Int,
        _ captureFrom: inout Int
    ) throws(JSONFlaw) {
        let byte = bytes[index]
        switch self.state {
        case .inContainerString, .inString:
            index = StringScan.plainEnd(bytes, from: index)
            guard index < bytes.count else { return }
            try self.leaveString(bytes[index])
            index += 1
            if self.state == .afterValue { self.endValue(bytes, at: index, captureFrom) }
            return
        case .inContainer:
            index = try self.runThroughContainer(bytes, from: index)
            if self.state == .afterValue { self.endValue(bytes, at: index, captureFrom) }
            return
        case .inStringEscape, .inContainerEscape:
            guard isEscape(byte) else { throw .badString }
            self.state = self.state == .inStringEscape ? .inString : .inContainerString
        case .inScalar:
            while index < bytes.count, isScalarByte(bytes[index]) {
                try self.checkLiteral(bytes[index], at: index)
                index += 1
            }
            guard index < bytes.count else { return }
            guard self.literal.utf8CodeUnitCount == 0 || self.literalPlace(of: index) == self.literal.utf8CodeUnitCount
            else { throw .unexpectedByte }
            self.state = .afterValue
            self.endValue(bytes, at: index, captureFrom)
            return
        case .inName:
            try self.stepInName(byte)
        case .inNameEscape:
            guard isEscape(byte) else { throw .badString }
            self.keepNameByte(byte)
            self.state = .inName
        case _ where isSpace(byte): break
        case .start:
            guard byte == UInt8(ascii: "{") else { throw .notAnObject }
            self.state = .firstName
        case .firstName, .name:
            if byte == UInt8(ascii: "}"), self.state == .firstName {
                self.state = .finished
            } else {
                guard byte == UInt8(ascii: "\"") else { throw .unexpectedByte }
                if try self.readWholeName(bytes, &index) { return }
                self.name.removeAll(keepingCapacity: true)
                self.nameHasEscape = false
                self.state = .inName
            }
        case .colon:
            guard byte == UInt8(ascii: ":") else { throw .unexpectedByte }
            self.state = .value
        case .value:
            try self.beginValue(byte)
            self.valueStart = self.offset + index
            captureFrom = index
        case .afterValue:
            guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") else { throw .unexpectedByte }
            self.state = byte == UInt8(ascii: ",") ? .name : .finished
        case .finished: throw .trailingBytes
        }
        index += 1
    }

    private func leaveString(_ byte: UInt8) throws(JSONFlaw) {
        guard byte >= 0x20 else { throw .badString }
        let inContainer = self.state == .inContainerString
        if byte == UInt8(ascii: "\\") {
            self.state = inContainer ? .inContainerEscape : .inStringEscape
        } else {
            self.state = inContainer ? .inContainer : .afterValue
        }
    }

    /// Skips what is within brackets, strings included, up to the bracket that closes the value or the end of the bytes.
    ///
    /// The state lives in local variables meanwhile: most bytes of most documents go through this loop.
    @inline(__always)
    private func runThroughContainer(
        _ bytes: borrowing Span<UInt8>,
        from start: Int
    ) throws(JSONFlaw) -> Int {
        var index = start
        var depth = self.depth
        defer { self.depth = depth }
        while index < bytes.count {
            let byte = bytes[index]
            index &+= 1
            switch byte {
            case UInt8(ascii: "\""):
                index = StringScan.plainEnd(bytes, from: index)
                guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                    // An escape, a control or the end of the piece: the slow path goes on from within the string.
                    self.state = .inContainerString
                    return index
                }
                index &+= 1
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                guard depth <= Self.depthLimit else { throw .tooDeep }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 {
                    self.state = .afterValue
                    return index
                }
            case UInt8(ascii: ","), UInt8(ascii: ":"): break
            default: guard isScalarByte(byte) || isSpace(byte) else { throw .unexpectedByte }
            }
        }
        return index
    }

    /// Reads a name that lies in this piece whole and without escapes, without copying it; false leaves it to the slow path.
    @inline(__always)
    private func readWholeName(_ bytes: borrowing Span<UInt8>, _ index: inout Int) throws(JSONFlaw) -> Bool {
        let start = index + 1
        let end = StringScan.plainEnd(bytes, from: start)
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else { return false }
        self.current = -1
        for place in self.watched.indices {
            let literal = self.watched[place]
            guard literal.utf8CodeUnitCount == end - start, foldsTo(bytes, start, literal) else { continue }
            guard matches(bytes, start, end, literal) else { throw .disguisedMember }
            guard self.members[place] == nil else { throw .repeatedMember }
            self.current = place
        }
        index = end + 1
        self.state = .colon
        return true
    }

    private func stepInName(_ byte: UInt8) throws(JSONFlaw) {
        guard byte >= 0x20 else { throw .badString }
        switch byte {
        case UInt8(ascii: "\""):
            self.current = try self.watchedIndex()
            if self.current >= 0, self.members[self.current] != nil { throw .repeatedMember }
            self.state = .colon
        case UInt8(ascii: "\\"):
            self.nameHasEscape = true
            self.keepNameByte(byte)
            self.state = .inNameEscape
        default: self.keepNameByte(byte)
        }
    }

    /// A name longer than the limit cannot be a watched one, however it is spelled; its tail is not kept.
    private func keepNameByte(_ byte: UInt8) {
        if self.name.count < Self.nameLimit { self.name.append(byte) }
    }

    private func beginValue(_ byte: UInt8) throws(JSONFlaw) {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            self.valueKind = byte == UInt8(ascii: "{") ? .object : .array
            self.depth = 1
            self.state = .inContainer
        case UInt8(ascii: "\""):
            self.valueKind = .string
            self.state = .inString
        case UInt8(ascii: "t"), UInt8(ascii: "f"):
            self.valueKind = .bool
            self.literal = byte == UInt8(ascii: "t") ? "true" : "false"
            self.state = .inScalar
        case UInt8(ascii: "n"):
            self.valueKind = .null
            self.literal = "null"
            self.state = .inScalar
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            self.valueKind = .number
            self.literal = ""
            self.state = .inScalar
        default: throw .unexpectedByte
        }
    }

    /// Where the byte at `index` stands in the value that is being read.
    private func literalPlace(of index: Int) -> Int { self.offset + index - self.valueStart }

    /// A literal must be one of the three, byte for byte, however it is split.
    private func checkLiteral(_ byte: UInt8, at index: Int) throws(JSONFlaw) {
        let count = self.literal.utf8CodeUnitCount
        guard count > 0 else { return }
        let place = self.literalPlace(of: index)
        guard place < count, self.literal.utf8Start[place] == byte else { throw .unexpectedByte }
    }

    private func endValue(_ bytes: borrowing Span<UInt8>, at index: Int, _ captureFrom: Int) {
        guard self.current >= 0 else { return }
        self.capture(bytes, from: captureFrom, to: index)
        self.members[self.current] = Member(kind: self.valueKind, start: self.valueStart, end: self.offset + index)
        self.current = -1
    }

    /// Keeps the bytes of the watched value that is being read, if there is one.
    private func capture(_ bytes: borrowing Span<UInt8>, from start: Int, to end: Int) {
        guard self.captureLimit > 0, self.current >= 0 else { return }
        switch self.state {
        case .inName, .inNameEscape, .colon, .value: return
        default: break
        }
        let room = self.captureLimit - self.captures[self.current].count
        let piece = bytes.extracting(start..<max(start, min(end, start + room)))
        piece.withUnsafeBytes { self.captures[self.current].append(contentsOf: $0) }
    }

    /// The index of the name just read among the watched ones, or -1. Names that other readers could take for a watched
    /// one are refused.
    private func watchedIndex() throws(JSONFlaw) -> Int {
        if self.nameHasEscape {
            guard self.name.count < Self.nameLimit else { return -1 }
            guard let decoded = JSONText.decode(self.name[...]) else { throw .badString }
            for literal in self.watched where equalsFolded(decoded, literal) { throw .disguisedMember }
            return -1
        }
        for index in self.watched.indices where equalsFolded(self.name, self.watched[index]) {
            guard equals(self.name, self.watched[index]) else { throw .disguisedMember }
            return index
        }
        return -1
    }
}

@inline(__always)
func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
}

/// Bytes of numbers and of `true`, `false`, `null`.
@inline(__always)
func isScalarByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
    case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "E"): true
    default: false
    }
}

/// What may stand behind a backslash; the digits of `\u` are checked where the text is decoded.
@inline(__always)
func isEscape(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"): true
    case UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"), UInt8(ascii: "u"): true
    default: false
    }
}

func equals(_ bytes: [UInt8], _ literal: StaticString) -> Bool {
    guard bytes.count == literal.utf8CodeUnitCount else { return false }
    for index in bytes.indices where bytes[index] != literal.utf8Start[index] { return false }
    return true
}

/// Equality with upper-case ASCII letters folded; `literal` is in lower case.
func equalsFolded(_ bytes: [UInt8], _ literal: StaticString) -> Bool {
    guard bytes.count == literal.utf8CodeUnitCount else { return false }
    for index in bytes.indices {
        let byte = bytes[index]
        let folded = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
        if folded != literal.utf8Start[index] { return false }
    }
    return true
}

/// Whether the bytes at `start` are `literal`, which is in lower case, with upper-case ASCII letters folded.
func foldsTo(_ bytes: borrowing Span<UInt8>, _ start: Int, _ literal: StaticString) -> Bool {
    for offset in 0..<literal.utf8CodeUnitCount {
        let byte = bytes[start + offset]
        let folded = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
        if folded != literal.utf8Start[offset] { return false }
    }
    return true
}

func matches(_ bytes: borrowing Span<UInt8>, _ start: Int, _ end: Int, _ literal: StaticString) -> Bool {
    guard end - start == literal.utf8CodeUnitCount else { return false }
    for index in start..<end where bytes[index] != literal.utf8Start[index - start] { return false }
    return true
}
