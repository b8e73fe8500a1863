import CByteScan
import GatewayModel
import Glibc

// A journal is a run of segments; a segment is a file of fixed size, filled with zeros when it is made:
//
//   segment = magic(8) entry* zeros
//   entry   = length(4) check(4) payload(length) padding to a multiple of 8
//   payload = kind(1) process(8) count(8) field*
//   field   = tag(1) length(1 or 3) bytes               length ≥ 255 is written as 255 and two more bytes
//
// All numbers are little-endian. `length` is written last, so an entry that a killed process was writing does not exist;
// `check` tells an entry whose pages did not all reach the disk before the power went. Unknown tags are skipped, so that
// an older reader reads what a newer writer wrote. A length of zero is the end.

/// The kinds of entries: a request is about to leave, an exchange has closed.
enum EntryKind: UInt8 {
    case started = 1
    case ended = 2
}

/// The fields of a usage record as they stand in an entry. Numbers never change their meaning.
@usableFromInline
package enum EntryField: UInt8, Sendable {
    case startedAt = 1
    case namespace, key, modelAsked, modelServed, route, upstream, dialect, path, stream, requestBytes, snapshotVersion
    case endUser
    case callerDialect, metadata, tagsHeader, matchedHeader, estimatedInput, limit, limitRemaining
    case outcome = 32
    case code, status, attempts, responseBytes, firstByteAfter, endedAfter, sentAfter
    case usageSource = 48
    case input, cachedInput, cacheWrite, output, reasoning, audio, image, audioOutput, imageOutput, cacheWrite1h
}

extension EntryField {
    /// The field as it stands in an entry, for `JournalWriter.put(encoded:)`. Empty when `text` is too long for any entry.
    package func encoded(_ text: [UInt8]) -> [UInt8] {
        guard text.count < Segment.payloadLimit else { return [] }
        var out: [UInt8] = []
        self.encodeStart(text.count, into: &out)
        return out + text
    }

    /// Appends what stands before the field's text of `count` bytes, fewer than a payload has; the text must follow.
    private func encodeStart(_ count: Int, into out: inout [UInt8]) {
        out.append(self.rawValue)
        out.append(UInt8(min(count, 255)))
        guard count >= 255 else { return }
        out.append(UInt8(count & 0xFF))
        out.append(UInt8(count >> 8))
    }
}

enum Segment {
    /// `AGWJ`, then the format's number.
    static let magic: [UInt8] = [0x41, 0x47, 0x57, 0x4A, 2, 0, 0, 0]
    /// The first format differs in its check.
    static let firstMagic: [UInt8] = [0x41, 0x47, 0x57, 0x4A, 1, 0, 0, 0]
    static let headerBytes = 8
    /// The largest payload; a text that does not fit any more is left out, or cut, as the writer is told.
    static let payloadLimit = 4096
    /// How the files' names end: of those with records that only the journal may have, and of those whose records the
    /// ledger has stored, every one.
    static let suffix = ".agwj"
    static let retiredSuffix = ".stored"

    /// A segment's name stays the same when it is retired.
    static func name(of path: String) -> String {
        let file = path.split(separator: "/").last ?? ""
        return String(file.hasSuffix(Self.suffix) ? file.dropLast(5) : file.dropLast(7))
    }

    /// The segment files of `directory` in the order in which they were made.
    static func paths(in directory: String, includingRetired: Bool = false) throws(JournalError) -> [String] {
        guard let stream = opendir(directory) else { throw JournalError(doing: "list", directory, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(Self.suffix) || includingRetired && name.hasSuffix(Self.retiredSuffix) {
                names.append(name)
            }
        }
        return names.sorted().map { "\(directory)/\($0)" }
    }
}

extension UsageRecord {
    /// Takes over one field of an entry; unknown tags are ignored.
    mutating func take(_ tag: UInt8, _ value: UnsafeRawBufferPointer) {
        guard let field = EntryField(rawValue: tag) else { return }
        switch field {
        case .startedAt: self.startedAt = number(value)
        case .namespace: self.namespace = text(value)
        case .key: self.key = text(value)
        case .modelAsked: self.modelAsked = text(value)
        case .modelServed: self.modelServed = text(value)
        case .route: self.route = text(value)
        case .upstream: self.upstream = text(value)
        case .dialect: self.dialect = text(value)
        case .path: self.path = text(value)
        case .stream: self.stream = number(value) != 0
        case .requestBytes: self.requestBytes = number(value)
        case .snapshotVersion: self.snapshotVersion = number(value)
        case .endUser: self.endUser = text(value)
        case .callerDialect: self.callerDialect = text(value)
        case .metadata: self.takeMetadata(value)
        case .tagsHeader: self.add(Tag.list(header: text(value)))
        case .matchedHeader: self.takeMatchedHeader(text(value))
        case .estimatedInput: self.estimatedInput = number(value)
        case .limit: self.limit = number(value)
        case .limitRemaining: self.limitRemaining = number(value)
        case .outcome:
            self.outcome = Outcome(rawValue: text(value)) ?? .failed
            // Until here it was that of a record whose end is not known.
            self.code = nil
        case .code: self.code = ErrorCode(rawValue: text(value))
        case .status: self.status = Int(truncatingIfNeeded: number(value))
        case .attempts: self.attempts = Int(truncatingIfNeeded: number(value))
        case .responseBytes: self.responseBytes = number(value)
        case .firstByteAfter: self.firstByteAfter = number(value)
        case .endedAfter: self.endedAfter = number(value)
        case .sentAfter: self.sentAfter = number(value)
        case .usageSource: self.usage.source = TokenUsage.Source(rawValue: text(value)) ?? .none
        case .input: self.usage.input = number(value)
        case .cachedInput: self.usage.cachedInput = number(value)
        case .cacheWrite: self.usage.cacheWrite = number(value)
        case .output: self.usage.output = number(value)
        case .reasoning: self.usage.reasoning = number(value)
        case .audio: self.usage.audio = number(value)
        case .image: self.usage.image = number(value)
        case .audioOutput: self.usage.audioOutput = number(value)
        case .imageOutput: self.usage.imageOutput = number(value)
        case .cacheWrite1h: self.usage.cacheWrite1h = number(value)
        }
    }
}

extension UsageRecord {
    /// Takes over the body's `metadata` as the caller wrote it. Anthropic's names the end user, `user_id`
    /// (docs.anthropic.com/en/api/messages, `metadata`).
    fileprivate mutating func takeMetadata(_ json: UnsafeRawBufferPointer) {
        guard let object = (try? DocumentValue(json: Array(json)))?.object else { return }
        var tags = Tag.list(object)
        if self.endUser.isEmpty, let index = tags.firstIndex(where: { $0.name == "user_id" }) {
            self.endUser = tags.remove(at: index).value
        }
        self.add(tags)
    }

    /// A name that is there already keeps its value.
    fileprivate mutating func add(_ tags: [Tag]) {
        for tag in tags where self.tags.count < TagLimits.count && !self.tags.contains(where: { $0.name == tag.name }) {
            self.tags.append(tag)
        }
    }

    /// `name: value`, as it stood in the head.
    fileprivate mutating func takeMatchedHeader(_ line: String) {
        guard let colon = line.firstIndex(of: ":") else { return }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        self.matchedHeaders.append(Tag(line[..<colon].lowercased(), String(value)))
    }
}

private func number(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var number: UInt64 = 0
    for (index, byte) in bytes.prefix(8).enumerated() { number |= UInt64(byte) << (8 * UInt64(index)) }
    return number
}

private func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

extension Segment {
    /// The check over a payload of today's format: CRC-32C. It guards against pages that never reached the disk, not
    /// against an adversary.
    static func check(_ payload: UnsafeRawBufferPointer) -> UInt32 {
        crc32c(payload.baseAddress?.assumingMemoryBound(to: UInt8.self), payload.count)
    }

    /// The check of the first format: 64 bits mixed word by word (the finaliser of MurmurHash3, public domain, as the
    /// mixing step), folded to 32. Read, no longer written: nobody's records are lost for a newer gateway.
    static func firstCheck(_ payload: UnsafeRawBufferPointer) -> UInt32 {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(payload.count)
        var index = 0
        while index + 8 <= payload.count {
            state = mixed(state ^ payload.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        let tail = payload[index...].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        state = mixed(state ^ tail)
        return UInt32(truncatingIfNeeded: state ^ state >> 32)
    }

    private static func mixed(_ word: UInt64) -> UInt64 {
        var word = word
        word ^= word >> 33
        word = word &* 0xFF51_AFD7_ED55_8CCD
        word ^= word >> 33
        word = word &* 0xC4CE_B9FE_1A85_EC53
        return word ^ word >> 33
    }
}
