/// One row of an answer, whole in memory.
package struct MySQLRow: Sendable {
    let statement: String
    let columns: [String: Int]
    let values: [MySQLValue]

    /// The column as the wanted type; an optional type reads NULL as nil. Throws `MySQLError` when there is no such
    /// column, or when it holds something else.
    package func read<Value: MySQLConvertible>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
        guard let index = self.columns[column], let value = Value(self.values[index]) else {
            throw MySQLError(.column, in: self.statement, "column \(column) is missing, or is no \(Value.self)")
        }
        return value
    }
}
