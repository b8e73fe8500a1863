internal import CMariaDB

/// A statement of the program: a name for errors and SQL with `?` for what varies.
package struct MySQLStatement: Sendable, Hashable {
    package let name: String
    package let sql: String

    package init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }
}

/// What a statement did that gives no rows.
package struct MySQLOutcome: Sendable, Equatable {
    /// Rows that it changed. MySQL counts a replaced row of `ON DUPLICATE KEY UPDATE` twice.
    package let affectedRows: UInt64
    /// The `AUTO_INCREMENT` that it gave; 0 when it gave none.
    package let insertID: UInt64
}

/// A statement that the server has read already, for one connection. Used by that connection's thread only.
final class PreparedStatement {
    let statement: MySQLStatement
    private let handle: UnsafeMutablePointer<MYSQL_STMT>
    /// When it was last used, in the connection's own counting.
    var lastUse: UInt64 = 0

    init(_ statement: MySQLStatement, on connection: UnsafeMutablePointer<MYSQL>) throws {
        guard let handle = mysql_stmt_init(connection) else {
            throw MySQLError(code: 2008, sqlState: "HY001", message: "out of memory", statement: statement.name)
        }
        self.statement = statement
        self.handle = handle
        guard mysql_stmt_prepare(handle, statement.sql, UInt(statement.sql.utf8.count)) == 0 else {
            throw self.error()
        }
    }

    deinit { mysql_stmt_close(self.handle) }

    func execute(_ parameters: [MySQLValue]) throws -> MySQLOutcome {
        try self.run(parameters)
        defer { mysql_stmt_free_result(self.handle) }
        return MySQLOutcome(
            affectedRows: mysql_stmt_affected_rows(self.handle),
            insertID: mysql_stmt_insert_id(self.handle)
        )
    }

    /// All rows at once, so that nothing unread is left on the connection; the statement's LIMIT bounds them.
    func rows(_ parameters: [MySQLValue]) throws -> [MySQLRow] {
        try self.run(parameters)
        defer { mysql_stmt_free_result(self.handle) }
        guard mysql_stmt_field_count(self.handle) > 0 else { return [] }
        guard let fetch = RowBuffers(self.handle) else { throw self.error() }
        guard mysql_stmt_store_result(self.handle) == 0 else { throw self.error() }
        var rows: [MySQLRow] = []
        while true {
            switch mysql_stmt_fetch(self.handle) {
            case 0, MYSQL_DATA_TRUNCATED: break
            case MYSQL_NO_DATA: return rows
            default: throw self.error()
            }
            guard let values = fetch.values(self.handle) else { throw self.error() }
            rows.append(MySQLRow(statement: self.statement.name, columns: fetch.columns, values: values))
        }
    }

    private func run(_ parameters: [MySQLValue]) throws {
        let expected = mysql_stmt_param_count(self.handle)
        precondition(expected == parameters.count, "\(self.statement.name) takes \(expected) parameters")
        let buffers = ParameterBuffers(parameters)
        guard mysql_stmt_bind_param(self.handle, buffers.binds.baseAddress) == 0 else { throw self.error() }
        guard mysql_stmt_execute(self.handle) == 0 else { throw self.error() }
        withExtendedLifetime(buffers) {}
    }

    private func error() -> MySQLError {
        MySQLError(
            code: mysql_stmt_errno(self.handle),
            sqlState: String(cString: mysql_stmt_sqlstate(self.handle)),
            message: String(cString: mysql_stmt_error(self.handle)),
            statement: self.statement.name
        )
    }
}

/// Memory that stays in place while the library reads parameters from it.
private final class ParameterBuffers {
    let binds: UnsafeMutableBufferPointer<MYSQL_BIND>
    private var memory: [UnsafeMutableRawBufferPointer] = []

    init(_ values: [MySQLValue]) {
        self.binds = .allocate(capacity: values.count)
        self.binds.initialize(repeating: MYSQL_BIND())
        for (index, value) in values.enumerated() { self.bind(value, at: index) }
    }

    deinit {
        for buffer in self.memory { buffer.deallocate() }
        self.binds.deallocate()
    }

    private func bind(_ value: MySQLValue, at index: Int) {
        switch value {
        case .null: self.binds[index].buffer_type = MYSQL_TYPE_NULL
        case .signed(let number): withUnsafeBytes(of: number) { self.copy($0, MYSQL_TYPE_LONGLONG, at: index) }
        case .unsigned(let number):
            withUnsafeBytes(of: number) { self.copy($0, MYSQL_TYPE_LONGLONG, at: index) }
            self.binds[index].is_unsigned = 1
        case .double(let number): withUnsafeBytes(of: number) { self.copy($0, MYSQL_TYPE_DOUBLE, at: index) }
        case .text(var text): text.withUTF8 { self.copy(.init($0), MYSQL_TYPE_STRING, at: index) }
        case .bytes(let bytes): bytes.withUnsafeBytes { self.copy($0, MYSQL_TYPE_BLOB, at: index) }
        }
    }

    private func copy(_ bytes: UnsafeRawBufferPointer, _ type: enum_field_types, at index: Int) {
        // At least one byte: the library takes a null pointer for NULL.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
        buffer.copyMemory(from: bytes)
        self.memory.append(buffer)
        self.binds[index].buffer_type = type
        self.binds[index].buffer = buffer.baseAddress
        self.binds[index].buffer_length = UInt(bytes.count)
        self.binds[index].length_value = UInt(bytes.count)
    }
}

/// Memory that the library writes one row into, again and again. Texts and bytes are fetched by their length afterwards.
private final class RowBuffers {
    let columns: [String: Int]
    private let kinds: [Kind]
    private let binds: UnsafeMutableBufferPointer<MYSQL_BIND>
    private let numbers: UnsafeMutableBufferPointer<UInt64>
    private let lengths: UnsafeMutableBufferPointer<UInt>
    private let nulls: UnsafeMutableBufferPointer<my_bool>

    private enum Kind { case signed, unsigned, double, text, bytes }

    /// Nil when the library has no description of the answer, or takes no buffers.
    init?(_ handle: UnsafeMutablePointer<MYSQL_STMT>) {
        guard let metadata = mysql_stmt_result_metadata(handle) else { return nil }
        defer { mysql_free_result(metadata) }
        let fields = UnsafeBufferPointer(start: mysql_fetch_fields(metadata), count: Int(mysql_num_fields(metadata)))
        let names = fields.enumerated().map { (String(cString: $1.name), $0) }
        self.columns = Dictionary(names, uniquingKeysWith: { first, _ in first })
        self.kinds = fields.map(Self.kind)
        self.binds = .allocate(capacity: fields.count)
        self.numbers = .allocate(capacity: fields.count)
        self.lengths = .allocate(capacity: fields.count)
        self.nulls = .allocate(capacity: fields.count)
        self.binds.initialize(repeating: MYSQL_BIND())
        self.numbers.initialize(repeating: 0)
        self.lengths.initialize(repeating: 0)
        self.nulls.initialize(repeating: 0)
        for index in self.kinds.indices { self.bind(index) }
        guard mysql_stmt_bind_result(handle, self.binds.baseAddress) == 0 else { return nil }
    }

    deinit {
        self.binds.deallocate()
        self.numbers.deallocate()
        self.lengths.deallocate()
        self.nulls.deallocate()
    }

    /// The row that was fetched; nil when a column's bytes cannot be had.
    func values(_ handle: UnsafeMutablePointer<MYSQL_STMT>) -> [MySQLValue]? {
        var values: [MySQLValue] = []
        values.reserveCapacity(self.kinds.count)
        for (index, kind) in self.kinds.enumerated() {
            guard self.nulls[index] == 0 else {
                values.append(.null)
                continue
            }
            switch kind {
            case .signed: values.append(.signed(Int64(bitPattern: self.numbers[index])))
            case .unsigned: values.append(.unsigned(self.numbers[index]))
            case .double: values.append(.double(Double(bitPattern: self.numbers[index])))
            case .text, .bytes:
                guard let bytes = Self.bytes(handle, column: index, count: Int(self.lengths[index])) else { return nil }
                values.append(kind == .bytes ? .bytes(bytes) : .text(String(decoding: bytes, as: UTF8.self)))
            }
        }
        return values
    }

    private func bind(_ index: Int) {
        let target = self.numbers.baseAddress.map { $0 + index }
        self.binds[index].length = self.lengths.baseAddress.map { $0 + index }
        self.binds[index].is_null = self.nulls.baseAddress.map { $0 + index }
        self.binds[index].buffer = UnsafeMutableRawPointer(target)
        switch self.kinds[index] {
        case .signed, .unsigned:
            self.binds[index].buffer_type = MYSQL_TYPE_LONGLONG
            self.binds[index].is_unsigned = self.kinds[index] == .unsigned ? 1 : 0
            self.binds[index].buffer_length = 8
        case .double:
            self.binds[index].buffer_type = MYSQL_TYPE_DOUBLE
            self.binds[index].buffer_length = 8
        case .text, .bytes:
            // No room, on purpose: the length comes all the same, and then the bytes are fetched once.
            self.binds[index].buffer_type = MYSQL_TYPE_BLOB
            self.binds[index].buffer_length = 0
        }
    }

    private static func bytes(_ handle: UnsafeMutablePointer<MYSQL_STMT>, column: Int, count: Int) -> [UInt8]? {
        guard count > 0 else { return [] }
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var (length, isNull, error): (UInt, my_bool, my_bool) = (0, 0, 0)
            withUnsafeMutablePointer(to: &length) { length in
                withUnsafeMutablePointer(to: &isNull) { isNull in
                    withUnsafeMutablePointer(to: &error) { error in
                        var bind = MYSQL_BIND()
                        bind.buffer_type = MYSQL_TYPE_BLOB
                        bind.buffer = UnsafeMutableRawPointer(buffer.baseAddress)
                        bind.buffer_length = UInt(count)
                        bind.length = length
                        bind.is_null = isNull
                        bind.error = error
                        failed = mysql_stmt_fetch_column(handle, &bind, UInt32(column), 0) != 0
                    }
                }
            }
            initialized = failed ? 0 : count
        }
        return failed ? nil : bytes
    }

    private static func kind(_ field: MYSQL_FIELD) -> Kind {
        switch field.type {
        case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_INT24, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_YEAR:
            field.flags & UInt32(UNSIGNED_FLAG) == 0 ? .signed : .unsigned
        case MYSQL_TYPE_FLOAT, MYSQL_TYPE_DOUBLE: .double
        // 63 is the character set `binary` in every release; DECIMAL and dates carry it too, but are written as texts.
        case MYSQL_TYPE_STRING, MYSQL_TYPE_VAR_STRING, MYSQL_TYPE_VARCHAR, MYSQL_TYPE_BLOB, MYSQL_TYPE_TINY_BLOB,
            MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_BIT, MYSQL_TYPE_GEOMETRY:
            field.charsetnr == 63 ? .bytes : .text
        default: .text
        }
    }
}
