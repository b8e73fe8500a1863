/// What goes into a statement's parameter and comes out of a column.
package enum MySQLValue: Sendable, Equatable {
    case null
    case signed(Int64)
    case unsigned(UInt64)
    case double(Double)
    case text(String)
    case bytes([UInt8])
}

/// A Swift type that a column is read as and a parameter is written from. Nothing is converted silently: a number that
/// does not fit and bytes that are no UTF-8 are errors.
package protocol MySQLConvertible {
    /// Nil where the column holds something else.
    init?(_ value: MySQLValue)
    /// As a parameter. Costs no copy beyond the driver's own.
    var mysqlValue: MySQLValue { get }
}

extension MySQLValue: MySQLConvertible {
    package init?(_ value: MySQLValue) { self = value }

    package var mysqlValue: MySQLValue { self }
}

extension Int64: MySQLConvertible {
    package init?(_ value: MySQLValue) {
        switch value {
        case .signed(let number): self = number
        case .unsigned(let number): self.init(exactly: number)
        default: return nil
        }
    }

    package var mysqlValue: MySQLValue { .signed(self) }
}

extension UInt64: MySQLConvertible {
    package init?(_ value: MySQLValue) {
        switch value {
        case .signed(let number): self.init(exactly: number)
        case .unsigned(let number): self = number
        default: return nil
        }
    }

    package var mysqlValue: MySQLValue { .unsigned(self) }
}

extension Double: MySQLConvertible {
    package init?(_ value: MySQLValue) {
        guard case .double(let number) = value else { return nil }
        self = number
    }

    package var mysqlValue: MySQLValue { .double(self) }
}

/// Read from texts and from binary columns alike, because names are kept as bytes.
extension String: MySQLConvertible {
    package init?(_ value: MySQLValue) {
        switch value {
        case .text(let text): self = text
        case .bytes(let bytes): self.init(validating: bytes, as: UTF8.self)
        default: return nil
        }
    }

    package var mysqlValue: MySQLValue { .text(self) }
}

extension [UInt8]: MySQLConvertible {
    package init?(_ value: MySQLValue) {
        guard case .bytes(let bytes) = value else { return nil }
        self = bytes
    }

    package var mysqlValue: MySQLValue { .bytes(self) }
}

extension Bool: MySQLConvertible {
    package init?(_ value: MySQLValue) {
        guard let number = Int64(value), (0...1).contains(number) else { return nil }
        self = number == 1
    }

    package var mysqlValue: MySQLValue { .signed(self ? 1 : 0) }
}

extension Optional: MySQLConvertible where Wrapped: MySQLConvertible {
    package init?(_ value: MySQLValue) {
        if value == .null {
            self = .none
        } else if let wrapped = Wrapped(value) {
            self = .some(wrapped)
        } else {
            return nil
        }
    }

    package var mysqlValue: MySQLValue { self?.mysqlValue ?? .null }
}
