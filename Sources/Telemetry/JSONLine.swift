/// Builds one JSON object on one line, byte by byte, without intermediate strings.
package struct JSONLine {
    package private(set) var bytes: [UInt8] = []
    private var isFirst = true

    package init() {}

    /// Begins a line, keeping what was written before.
    package mutating func begin() {
        self.bytes.append(UInt8(ascii: "{"))
        self.isFirst = true
    }

    package mutating func end() {
        self.bytes.append(UInt8(ascii: "}"))
        self.bytes.append(UInt8(ascii: "\n"))
    }

    package mutating func clear() { self.bytes.removeAll(keepingCapacity: true) }

    package mutating func put(_ key: StaticString, _ text: String) {
        self.key(key)
        self.quoted(text.utf8)
    }

    /// A key that is known only at run time.
    package mutating func put(dynamic key: String, _ text: String) {
        self.key(dynamic: key)
        self.quoted(text.utf8)
    }

    package mutating func put(dynamic key: String, _ number: UInt64) {
        self.key(dynamic: key)
        self.digits(number)
    }

    private mutating func key(dynamic key: String) {
        if !self.isFirst { self.bytes.append(UInt8(ascii: ",")) }
        self.isFirst = false
        self.quoted(key.utf8)
        self.bytes.append(UInt8(ascii: ":"))
    }

    /// Bytes from a wire; what is not UTF-8 among them is replaced, so that the line can be read.
    package mutating func put(_ key: StaticString, _ text: [UInt8]) {
        self.key(key)
        if text.allSatisfy({ $0 < 0x80 }) {
            self.quoted(text)
        } else {
            self.quoted(String(decoding: text, as: UTF8.self).utf8)
        }
    }

    package mutating func put(_ key: StaticString, _ number: UInt64) {
        self.key(key)
        self.digits(number)
    }

    package mutating func put(_ key: StaticString, _ flag: Bool) {
        self.key(key)
        self.raw(flag ? "true" : "false")
    }

    /// A value that is JSON already.
    package mutating func put(_ key: StaticString, json: [UInt8]) {
        self.key(key)
        self.bytes.append(contentsOf: json)
    }

    /// Microseconds with three decimals, from nanoseconds, as a number of milliseconds.
    package mutating func put(milliseconds key: StaticString, _ nanoseconds: UInt64) {
        self.key(key)
        self.digits(nanoseconds / 1_000_000)
        let rest = nanoseconds / 1000 % 1000
        self.bytes.append(UInt8(ascii: "."))
        for divisor: UInt64 in [100, 10, 1] { self.bytes.append(UInt8(ascii: "0") + UInt8(rest / divisor % 10)) }
    }

    private mutating func key(_ key: StaticString) {
        if !self.isFirst { self.bytes.append(UInt8(ascii: ",")) }
        self.isFirst = false
        self.bytes.append(UInt8(ascii: "\""))
        self.raw(key)
        self.bytes.append(UInt8(ascii: "\""))
        self.bytes.append(UInt8(ascii: ":"))
    }

    private mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { self.bytes.append(contentsOf: $0) }
    }

    private mutating func quoted(_ text: some Sequence<UInt8>) {
        self.bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                self.bytes.append(UInt8(ascii: "\\"))
                self.bytes.append(byte)
            case 0..<0x20, 0x7F: self.escape(byte)
            default: self.bytes.append(byte)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        let digits: StaticString = "0123456789abcdef"
        self.raw("\\u00")
        self.bytes.append(digits.utf8Start[Int(byte >> 4)])
        self.bytes.append(digits.utf8Start[Int(byte & 15)])
    }

    private mutating func digits(_ number: UInt64) {
        guard number > 9 else { return self.bytes.append(UInt8(ascii: "0") + UInt8(number)) }
        let start = self.bytes.count
        var left = number
        while left > 0 {
            self.bytes.append(UInt8(ascii: "0") + UInt8(left % 10))
            left /= 10
        }
        self.bytes[start...].reverse()
    }
}
