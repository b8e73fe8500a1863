import HTTPWire

/// Forwards header fields: runs of neighbouring ones are copied in one piece, the others are left out.
enum HeadWriter {
    /// Copies the fields of the head in `bytes` for which `keeps` says yes. Every line is one that the parser accepted.
    ///
    /// `connection` is the range of the connection field's value when it names further fields that must stay behind.
    @inline(__always)
    static func copyFields(
        _ fields: [HeadField],
        of bytes: borrowing Span<UInt8>,
        headEnd: Int,
        namedByConnection: Bool,
        into out: inout ByteWriter,
        keeps: (HeadField, borrowing Span<UInt8>) -> Bool
    ) {
        var runStart = -1
        for index in fields.indices {
            let field = fields[index]
            let isKept = keeps(field, bytes) && !(namedByConnection && Self.isNamed(field, fields, bytes))
            if isKept, runStart < 0 { runStart = field.name.lower }
            if !isKept, runStart >= 0 {
                out.write(bytes.extracting(runStart..<field.name.lower))
                runStart = -1
            }
        }
        // Behind the last field stands only the empty line.
        if runStart >= 0 { out.write(bytes.extracting(runStart..<headEnd - 2)) }
    }

    /// Whether the field has one of `names`, which are in lower case.
    static func isAny(_ field: HeadField, _ bytes: borrowing Span<UInt8>, of names: [[UInt8]]) -> Bool {
        for name in names where name.count == field.name.count {
            var offset = 0
            while offset < name.count {
                let byte = bytes[field.name.lower + offset]
                if (byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte) != name[offset] { break }
                offset += 1
            }
            if offset == name.count { return true }
        }
        return false
    }

    /// Whether a connection option names this field (RFC 9110 §7.6.1). Rare, hence the plain search.
    private static func isNamed(_ field: HeadField, _ fields: [HeadField], _ bytes: borrowing Span<UInt8>) -> Bool {
        for connection in fields where connection.known == .connection {
            var start = connection.value.lower
            for index in connection.value.lower...connection.value.upper {
                let isEnd = index == connection.value.upper || bytes[index] == UInt8(ascii: ",")
                guard isEnd else { continue }
                if Self.equalsTrimmed(start..<index, field.name, bytes) { return true }
                start = index + 1
            }
        }
        return false
    }

    private static func equalsTrimmed(
        _ option: Range<Int>,
        _ name: ByteRange,
        _ bytes: borrowing Span<UInt8>
    ) -> Bool {
        var lower = option.lowerBound
        var upper = option.upperBound
        while lower < upper, bytes[lower] == 0x20 || bytes[lower] == 0x09 { lower += 1 }
        while upper > lower, bytes[upper - 1] == 0x20 || bytes[upper - 1] == 0x09 { upper -= 1 }
        guard upper - lower == name.count else { return false }
        for offset in 0..<name.count {
            let left = bytes[lower + offset]
            let right = bytes[name.lower + offset]
            let foldedLeft = left &- UInt8(ascii: "A") < 26 ? left | 0x20 : left
            let foldedRight = right &- UInt8(ascii: "A") < 26 ? right | 0x20 : right
            if foldedLeft != foldedRight { return false }
        }
        return true
    }
}
