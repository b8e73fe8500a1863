import CByteScan

// The usual document lies in one piece and has nothing remarkable at its top level. It is read here in one call without
// states. At the first thing that is not plain the call gives up, and the machine reads the document from its beginning
// and says what is wrong. The tests feed every document whole and in pieces and compare.
extension TopLevelScanner {
    /// Reads a whole document and finishes. False: the machine must read it.
    func readWhole(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var hints: Int32 = 0
        let isPlain = byte_scan_members(
            bytes.baseAddress,
            bytes.count,
            Self.depthLimit,
            self.root,
            self.names.baseAddress,
            self.names.count,
            self.found.baseAddress,
            &hints
        )
        guard isPlain == 1 else { return false }
        self.mayNameFiles = hints != 0
        if let counting = self.counting {
            let within = UnsafeBufferPointer(rebasing: self.found[self.watched.count...])
            var counts = CountReader.Counts()
            counting.count(bytes, within, into: &counts)
            self.counts = consume counts
        }
        for place in self.watched.indices where self.found[place].end > 0 {
            let (start, end) = (self.found[place].start, self.found[place].end)
            self.members[place] = Member(kind: JSONKind(of: bytes[start]), start: start, end: end)
            let isCounted = place == 0 && self.counting != nil
            guard self.captureLimit > 0, !isCounted else { continue }
            let kept = bytes[start..<min(end, start + self.captureLimit)]
            self.captures[place].append(contentsOf: UnsafeBufferPointer(rebasing: kept))
        }
        self.state = .finished
        self.offset = bytes.count
        return true
    }
}

extension TopLevelScanner {
    /// Gives `body` the counts of the first watched member of a whole document, read from its end: what stands before it is
    /// not looked at, so the document must be somebody's answer that is passed on, not something to decide by. Nil: it is
    /// not there, or must be looked for from the beginning. Nothing else of the reader changes.
    package func countsFromEnd<Result>(
        _ bytes: borrowing Span<UInt8>,
        _ body: (inout CountReader.Counts) -> Result
    ) -> Result? {
        guard let counting = self.counting else { return nil }
        return bytes.withUnsafeBufferPointer { bytes in
            let found = byte_scan_last_object(
                bytes.baseAddress,
                bytes.count,
                Self.depthLimit,
                self.names.baseAddress,
                self.names.count,
                self.found.baseAddress
            )
            guard found == 1 else { return nil }
            var counts = CountReader.Counts()
            counting.count(bytes, UnsafeBufferPointer(rebasing: self.found[self.watched.count...]), into: &counts)
            return body(&counts)
        }
    }
}

extension JSONKind {
    /// What a value is by its first byte, which is one that a value can begin with.
    init(of byte: UInt8) {
        switch byte {
        case UInt8(ascii: "{"): self = .object
        case UInt8(ascii: "["): self = .array
        case UInt8(ascii: "\""): self = .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): self = .bool
        case UInt8(ascii: "n"): self = .null
        default: self = .number
        }
    }
}
