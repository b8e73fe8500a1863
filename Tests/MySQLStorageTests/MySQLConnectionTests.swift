import MySQLStorage
import Testing

@Suite(.enabled(if: TestServer.program != nil, Comment(rawValue: TestServer.whyNot)))
struct MySQLConnectionTests {
    private static let create = MySQLStatement(
        "create t",
        """
        CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, u BIGINT UNSIGNED, d DOUBLE, s TEXT CHARACTER SET utf8mb4,
            b LONGBLOB, short VARCHAR(3))
        """
    )
    private static let insert = MySQLStatement("insert t", "INSERT INTO t (id, u, d, s, b) VALUES (?, ?, ?, ?, ?)")
    private static let select = MySQLStatement("select t", "SELECT * FROM t WHERE id = ?")

    private static func open() async throws -> MySQLConnection {
        let connection = try MySQLConnection(await TestServer.shared.value.address())
        try connection.execute(Self.create)
        return connection
    }

    @Test func keepsEveryKindOfValue() async throws {
        let connection = try await Self.open()
        try connection.execute(Self.insert, [Int64.min, UInt64.max, 0.1, "👩‍🚀 ü\u{0}", [UInt8](0...255)])
        try connection.execute(Self.insert, [Int64.max, UInt64?.none, Double?.none, String?.none, [UInt8]?.none])
        try connection.execute(Self.insert, [Int64(0), UInt64(0), -0.0, "", [UInt8]()])
        let full = try #require(try connection.rows(Self.select, [Int64.min]).first)
        #expect(try full.read("id") == Int64.min)
        #expect(try full.read("u") == UInt64.max)
        #expect(try full.read("d") == 0.1)
        #expect(try full.read("s") == "👩‍🚀 ü\u{0}")
        #expect(try full.read("b") == [UInt8](0...255))
        let empty = try #require(try connection.rows(Self.select, [Int64.max]).first)
        #expect(try empty.read("u", as: UInt64?.self) == nil)
        #expect(try empty.read("s", as: String?.self) == nil)
        let zero = try #require(try connection.rows(Self.select, [Int64(0)]).first)
        #expect(try zero.read("s") == "")
        #expect(try zero.read("b") == [UInt8]())
        #expect(throws: MySQLError.self) { try full.read("u", as: Int64.self) }
        #expect(throws: MySQLError.self) { try empty.read("u", as: UInt64.self) }
        #expect(throws: MySQLError.self) { try full.read("nothing", as: String.self) }
    }

    @Test func errorsNameTheStatementAndNeverAValue() async throws {
        let connection = try await Self.open()
        let row: [any MySQLConvertible] = [Int64(77_123), UInt64?.none, 1.0, "s", [UInt8]()]
        try connection.execute(Self.insert, row)
        let duplicate = #expect(throws: MySQLError.self) { try connection.execute(Self.insert, row) }
        #expect(duplicate?.code == 1062 && duplicate?.sqlState == "23000" && duplicate?.isDuplicate == true)
        #expect(duplicate?.statement == "insert t")
        #expect(duplicate?.description.contains("77123") == false)
        let long = MySQLStatement("too long", "UPDATE t SET short = ?")
        let tooLong = #expect(throws: MySQLError.self) { try connection.execute(long, ["hidden"]) }
        #expect(tooLong?.code == 1406)
        #expect(tooLong?.description.contains("hidden") == false)
    }

    @Test func forgetsTheStatementsThatItHasTooManyOf() async throws {
        let connection = try await Self.open()
        for number in 0..<300 {
            let row = try connection.rows(MySQLStatement("number", "SELECT \(number) AS n")).first
            #expect(try row?.read("n") == Int64(number))
        }
        let status = MySQLStatement("status", "SHOW SESSION STATUS LIKE 'Com_stmt_close'")
        #expect(try Int(#require(connection.rows(status).first).read("Value", as: String.self)) ?? 0 > 100)
    }

    @Test func everySessionIsStrictAndInUTC() async throws {
        let connection = try await Self.open()
        let sql = "SELECT @@sql_mode AS mode, @@time_zone AS zone, @@character_set_client AS client"
        let row = try #require(try connection.rows(MySQLStatement("session", sql)).first)
        #expect(try row.read("mode", as: String.self).contains("STRICT_ALL_TABLES"))
        #expect(try row.read("zone") == "+00:00")
        #expect(try row.read("client") == "utf8mb4")
    }

    @Test func aWrongPasswordIsSaidAndNotShown() async throws {
        let address = try await TestServer.shared.value.address(user: "root:opensesame")
        let error = #expect(throws: MySQLError.self) { try MySQLConnection(address) }
        #expect(error?.code == 1045)
        #expect(error?.description.contains("check user, password") == true)
        #expect(error?.description.contains("opensesame") == false)
    }

    @Test func logsInThroughTheSocket() async throws {
        let server = try await TestServer.shared.value
        let address = try MySQLAddress(parsing: "mysql://root@localhost/mysql?socket=\(server.socket)")
        let row = try MySQLConnection(address).rows(MySQLStatement("one", "SELECT 1 AS n")).first
        #expect(try row?.read("n") == Int64(1))
    }

    // MARK: TLS

    @Test(arguments: ["127.0.0.1", "localhost"])
    func requiredTLSTrustsTheNamedAuthority(_ host: String) async throws {
        let server = try await TestServer.shared.value
        let connection = try MySQLConnection(
            await server.address("tls=required&ca=\(server.folder)/ca.pem", host: host)
        )
        #expect(connection.cipher != nil)
    }

    @Test func requiredTLSRefusesWhomItDoesNotKnow() async throws {
        let server = try await TestServer.shared.value
        for options in ["tls=required", "tls=required&ca=\(server.folder)/other.pem"] {
            let address = try await server.address(options)
            let error = #expect(throws: MySQLError.self) { try MySQLConnection(address) }
            #expect(error?.code == 2026, "\(error?.description ?? "")")
            #expect(error?.description.contains("`ca`") == true)
        }
    }

    @Test func requiredTLSRefusesACertificateOfAnotherName() async throws {
        let server = try await TestServer.shared.value
        let text = "mysql://root@127.0.0.2:\(server.port)/mysql?tls=required&ca=\(server.folder)/ca.pem"
        #expect(throws: MySQLError.self) { try MySQLConnection(MySQLAddress(parsing: text)) }
    }

    @Test func preferredTLSEncryptsWithoutAnAuthority() async throws {
        let address = try await TestServer.shared.value.address("tls=preferred")
        #expect(try MySQLConnection(address).cipher != nil)
        let plain = try await TestServer.shared.value.address("tls=off")
        #expect(try MySQLConnection(plain).cipher == nil)
    }
}
