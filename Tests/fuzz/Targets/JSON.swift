import GatewayModel
import JSONScan

/// What decides about a call is read by a scanner that skips the rest; the reader of the configuration reads all of it.
/// Where both accept a body they must see the same values, and what the scanner refuses must be worth refusing.
enum JSONCheck {
    private static let names: [StaticString] = ["model", "stream", "max_tokens", "usage", "user"]
    private static let captureLimit = 64

    struct Scan: Equatable {
        var members: [TopLevelScanner.Member?] = []
        var captures: [[UInt8]?] = []
        var mayNameFiles = true
        var flaw: JSONFlaw?
    }

    static func run(_ input: [UInt8]) {
        let input = SplitInput(input)
        let bytes = input.bytes
        let whole = self.scan([bytes])
        self.checkSplit(whole, self.scan(input.pieces))
        self.checkText(bytes)
        if let reference = try? DocumentValue(json: bytes) {
            self.compare(whole, reference, bytes)
        }
    }

    private static func scan(_ pieces: [[UInt8]]) -> Scan {
        let scanner = TopLevelScanner(watching: self.names, captureLimit: self.captureLimit)
        var scan = Scan()
        do throws(JSONFlaw) {
            for piece in pieces { try scanner.feed(piece.span) }
            try scanner.finish()
        } catch {
            scan.flaw = error
            return scan
        }
        scan.members = self.names.indices.map { scanner[$0] }
        scan.captures = self.names.indices.map { scanner.captured($0) }
        scan.mayNameFiles = scanner.mayNameFiles
        return scan
    }

    /// What is accepted whole is accepted in pieces, with the same values. The letters of a literal are looked at only
    /// where it lies in one piece, as it always does in a request.
    private static func checkSplit(_ whole: Scan, _ split: Scan) {
        if whole.flaw == .unexpectedByte, split.flaw == nil { return }
        var split = split
        // In several pieces nothing is certain about files.
        expect(split.mayNameFiles || !whole.mayNameFiles, "in pieces it is certain that no file is named")
        split.mayNameFiles = whole.mayNameFiles
        let isSame = whole.flaw == nil ? split == whole : split.flaw != nil
        expect(isSame, "split, it reads otherwise: \(whole) \(split)")
    }

    private static func compare(_ scan: Scan, _ reference: DocumentValue, _ bytes: [UInt8]) {
        guard let object = reference.object else { return expect(scan.flaw != nil, "accepted what is no object") }
        let disguised = object.fields.contains { field in
            let name = Array(field.name.utf8).lowercasedASCII().text
            return self.names.contains { "\($0)" == name && !self.isPlain(field.name, bytes) }
        }
        guard scan.flaw == nil else {
            expect(scan.flaw == .disguisedMember && disguised, "refused as \(scan.flaw!)")
            return
        }
        for (index, name) in self.names.enumerated() {
            let value = object["\(name)"]
            expect((scan.members[index] == nil) == (value == nil), "only one of the two sees `\(name)`")
            guard let value, let member = scan.members[index] else { continue }
            expect(
                member.start >= 0 && member.end <= bytes.count && member.start < member.end,
                "the range of `\(name)`"
            )
            self.compare(member, value, Array(bytes[member.range]))
            let fits = member.range.count <= self.captureLimit
            expect(scan.captures[index] == (fits ? Array(bytes[member.range]) : nil), "another capture of `\(name)`")
        }
        self.compareReader(object, bytes)
        self.compareReferences(reference, bytes, scan)
    }

    private static func isPlain(_ name: String, _ bytes: [UInt8]) -> Bool {
        self.names.contains { "\($0)" == name } && bytes.place(of: Array("\"\(name)\"".utf8)) != nil
            && !bytes.contains(UInt8(ascii: "\\"))
    }

    private static func compare(_ member: TopLevelScanner.Member, _ value: DocumentValue, _ raw: [UInt8]) {
        switch value {
        case .null: expect(member.kind == .null && raw.text == "null", "null")
        case .bool(let isTrue): expect(member.kind == .bool && raw.text == "\(isTrue)", "a boolean")
        case .int, .double:
            let again = try? DocumentValue(json: raw)
            expect(member.kind == .number && again == value, "a number")
        case .string(let text):
            let decoded = JSONText.decode(raw.dropFirst().dropLast())
            expect(member.kind == .string && decoded == Array(text.utf8), "another text: \(raw.text)")
        case .array, .object:
            expect(member.kind == (value.object == nil ? .array : .object), "a container")
            expect((try? DocumentValue(json: raw)) == value, "another value: \(raw.text)")
        }
    }

    private static let reader = CountReader(names)
    /// `CountReader` gives up on what is nested more deeply than any usage is.
    private static let readerDepth = 60

    /// `CountReader` on the same object: of names without escapes it must find the same counts.
    private static func compareReader(_ object: DocumentObject, _ bytes: [UInt8]) {
        guard bytes.count(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[") }) < self.readerDepth,
            !bytes.contains(UInt8(ascii: "\\"))
        else { return }
        var counts = self.reader.read(bytes)
        for (place, name) in self.names.enumerated() {
            let value = object["\(name)"]
            if let number = value?.int, number >= 0, number <= 1_000_000_000_000 {
                // Minus zero is no count.
                let found = counts[place]
                expect(found == UInt64(number) || number == 0 && found == nil, "another count of `\(name)`")
            } else {
                expect(counts[place] == nil, "a count of `\(name)` that is none")
            }
        }
    }

    /// Whatever file a reader could see named must be found; more may be.
    private static func compareReferences(_ value: DocumentValue, _ bytes: [UInt8], _ scan: Scan) {
        guard bytes.count < 1000 else { return }
        var wanted: [[UInt8]] = []
        self.collect(value, into: &wanted)
        let found = ReferenceScan.strings(named: ["file_id", "file_ids"], in: bytes.span)
        for id in wanted { expect(found.contains(id), "the file \(id.text.debugDescription) was not found") }
        expect(
            wanted.isEmpty || ReferenceScan.mayNameFiles(bytes.span) && scan.mayNameFiles,
            "a document that names files, taken for one that cannot"
        )
    }

    private static func collect(_ value: DocumentValue, into wanted: inout [[UInt8]]) {
        for element in value.array ?? [] { self.collect(element, into: &wanted) }
        for field in value.object?.fields ?? [] {
            if field.name == "file_id" || field.name == "file_ids" { self.collectStrings(field.value, into: &wanted) }
            self.collect(field.value, into: &wanted)
        }
    }

    private static func collectStrings(_ value: DocumentValue, into wanted: inout [[UInt8]]) {
        if let text = value.string { wanted.append(Array(text.utf8)) }
        for element in value.array ?? [] { self.collectStrings(element, into: &wanted) }
    }

    /// Any bytes, written as a string, are read as the same bytes.
    private static func checkText(_ bytes: [UInt8]) {
        var written: [UInt8] = []
        JSONText.encode(bytes, into: &written)
        expect(JSONText.decode(written[...]) == bytes, "written and read it is another text")
        expect(!written.contains { $0 < 0x20 }, "a control that is not escaped")
    }
}
