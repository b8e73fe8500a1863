import Foundation
import GatewayModel
import MySQLStorage
import Testing

struct MySQLAddressTests {
    @Test func readsEveryPart() throws {
        let address = try MySQLAddress(parsing: "mysql://gw:p%40ss@[::1]:3307/gateway?tls=required&ca=/etc/hostname")
        #expect(address.user == "gw" && address.host == "::1" && address.port == 3307)
        #expect(address.database == "gateway" && address.tls == .required && address.authorities == "/etc/hostname")
        #expect(address.password == Secret("p@ss"))
        #expect(address.description == "mysql://gw@[::1]:3307/gateway")
    }

    @Test(arguments: [
        ("mysql://u@db.example/d", MySQLAddress.TLS.required), ("mysql://u@localhost/d", .preferred),
        ("mysql://u@localhost/d?socket=/run/s", .preferred), ("mysql://u@db.example/d?tls=off", .off),
    ])
    func encryptsUnlessTheServerIsHere(_ text: String, _ expected: MySQLAddress.TLS) throws {
        #expect(try MySQLAddress(parsing: text).tls == expected)
    }

    @Test(arguments: [
        ("postgres://u@h/d", "must look like"), ("mysql://h/d", "names no user"),
        ("mysql://u:secret@h", "one database"),
        ("mysql://u:secret@h/a/b", "one database"), ("mysql://u:secret@/d", "neither a host nor a socket"),
        ("mysql://u:secret@h/d?tls=maybe", "`tls`"), ("mysql://u:secret@h/d?sslmode=on", "unknown option `sslmode`"),
        ("mysql://u:secret@h/d?ca=/nowhere/ca.pem", "cannot be read"), ("mysql://u:secret@h:0/d", "port"),
        ("mysql://u:secret@h/d?tls=off&tls=off", "once"), ("mysql://u@h/d?passwordFile=/nowhere/p", "passwordFile"),
        ("mysql://u:secret@localhost/d?socket=/s&tls=required", "socket"), ("mysql://u:se%00cret@h/d", "zero byte"),
        ("mysql://u:secret@h/d?passwordFile=/p", "a password and a passwordFile"),
    ])
    func saysWhatIsWrongWithoutThePassword(_ text: String, _ why: String) {
        let error = #expect(throws: MySQLError.self) { try MySQLAddress(parsing: text) }
        #expect(error?.message.contains(why) == true, "\(error?.message ?? "")")
        #expect(error?.description.contains("secret") == false)
    }

    @Test func takesThePasswordFromAFileOrTheEnvironment() throws {
        let path = NSTemporaryDirectory() + "password-\(UUID().uuidString)"
        try Data("from file\n".utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try MySQLAddress(parsing: "mysql://u@h/d?passwordFile=\(path)", password: "environment")
        #expect(file.password == Secret("from file"))
        #expect(try MySQLAddress(parsing: "mysql://u@h/d", password: "environment").password == Secret("environment"))
        #expect(try MySQLAddress(parsing: "mysql://u:url@h/d", password: "environment").password == Secret("url"))
    }
}
