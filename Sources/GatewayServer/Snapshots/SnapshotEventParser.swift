// A watch stream is server-sent events: lines ended by LF, CR or CRLF; `id:` and `data:` fields, other fields ignored;
// lines that begin with `:` are comments; a blank line ends an event. An event without data is none. Limit: `limit`
// bytes in one event, beyond which the stream is not worth reading on.

/// Cuts a watch stream into events.
struct SnapshotEventParser {
    /// What one event says.
    struct Event: Equatable {
        var id: String?
        var data: [UInt8]
    }

    enum Refusal: Error, Equatable {
        case tooLong
    }

    private let limit: Int
    private var line: [UInt8] = []
    private var event = Event(id: nil, data: [])
    private var hasData = false
    /// The last byte was a CR, whose LF may be about to come.
    private var afterReturn = false

    init(limit: Int = 256 << 20) { self.limit = limit }

    /// The events that the bytes complete.
    mutating func consume(_ bytes: some Sequence<UInt8>) throws(Refusal) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            let isSecondHalf = self.afterReturn && byte == UInt8(ascii: "\n")
            self.afterReturn = byte == UInt8(ascii: "\r")
            if isSecondHalf { continue }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if let event = try self.endLine() { events.append(event) }
            } else {
                self.line.append(byte)
                if self.line.count > self.limit { throw .tooLong }
            }
        }
        return events
    }

    private mutating func endLine() throws(Refusal) -> Event? {
        defer { self.line.removeAll(keepingCapacity: self.line.capacity < 1 << 16) }
        if self.line.isEmpty {
            defer {
                self.event = Event(id: nil, data: [])
                self.hasData = false
            }
            return self.hasData ? self.event : nil
        }
        let name = self.line.prefix { $0 != UInt8(ascii: ":") }
        var value = self.line.dropFirst(name.count + 1)
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        if name.elementsEqual("id".utf8) {
            self.event.id = String(decoding: value, as: UTF8.self)
        } else if name.elementsEqual("data".utf8) {
            if self.hasData { self.event.data.append(UInt8(ascii: "\n")) }
            self.hasData = true
            self.event.data += value
            if self.event.data.count > self.limit { throw .tooLong }
        }
        return nil
    }
}
