@testable import GatewayServer

/// The stream by which a config center tells of its snapshots.
enum SnapshotEventsCheck {
    private static let limit = 512

    static func run(_ input: [UInt8]) {
        let input = SplitInput(input)
        let whole = self.read([input.bytes])
        expect(self.read(input.pieces) == whole, "split, it reads otherwise")
        guard let whole else { return }
        expect(whole == self.plainly(input.bytes), "read plainly it is otherwise: \(whole)")
    }

    private static func read(_ pieces: [[UInt8]]) -> [SnapshotEventParser.Event]? {
        var parser = SnapshotEventParser(limit: self.limit)
        var events: [SnapshotEventParser.Event] = []
        for piece in pieces {
            guard let more = try? parser.consume(piece) else { return nil }
            events += more
        }
        return events
    }

    /// Line by line, once all of it is there.
    private static func plainly(_ bytes: [UInt8]) -> [SnapshotEventParser.Event] {
        var events: [SnapshotEventParser.Event] = []
        var id: String?
        var data: [[UInt8]] = []
        for line in self.lines(bytes) {
            let name = Array(line.prefix { $0 != UInt8(ascii: ":") }).text
            var value = Array(line.dropFirst(name.utf8.count + 1))
            if value.first == 0x20 { value.removeFirst() }
            if line.isEmpty {
                if !data.isEmpty { events.append(.init(id: id, data: Array(data.joined(separator: [0x0A])))) }
                (id, data) = (nil, [])
            } else if name == "id" {
                id = value.text
            } else if name == "data" {
                data.append(value)
            }
        }
        return events
    }

    /// The lines that are complete.
    private static func lines(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = [[]]
        for (index, byte) in bytes.enumerated() {
            if byte == 0x0A, index > 0, bytes[index - 1] == 0x0D { continue }
            if byte == 0x0A || byte == 0x0D { lines.append([]) } else { lines[lines.count - 1].append(byte) }
        }
        return lines.dropLast()
    }
}
