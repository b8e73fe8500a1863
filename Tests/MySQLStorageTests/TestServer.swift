import Foundation
import Glibc
import MySQLStorage
import Synchronization

/// A MariaDB of the tests' own: data, socket and certificates in a temporary folder, a free port of 127.0.0.1. A shell
/// stands between that ends the server and removes the folder when its standard input closes, however this process ends.
final class TestServer: Sendable {
    static let program = ["/usr/sbin/mariadbd", "/usr/bin/mariadbd", "/usr/local/bin/mariadbd"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }
    static let whyNot = "mariadbd is not installed: `scripts/setup test` installs Debian's mariadb-server"

    /// One server for all tests that do not stop it.
    static let shared = Task { try await TestServer() }

    let folder: String
    let port: UInt16
    private let guardian: Mutex<(process: Process, input: Pipe)?>
    private let databases = Atomic<Int>(0)

    init() async throws {
        self.folder = NSTemporaryDirectory() + "mariadb-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        try Self.prepare(self.folder)
        var attempts = 0
        while true {
            // Somebody else may take a free port before the server does.
            let port = try Self.freePort()
            attempts += 1
            do {
                let started = try await Self.launch(self.folder, port)
                self.port = port
                self.guardian = Mutex(started)
                return
            } catch  where attempts < 3 {}
        }
    }

    private static func prepare(_ folder: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = [
            "-ec",
            """
            cd '\(folder)'
            exec >install.log 2>&1
            mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$PWD/data" --skip-test-db \
                --auth-root-authentication-method=normal
            for name in ca other; do
                openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name" -keyout $name.key -out $name.pem
            done
            openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
            echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' >extensions
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions \
                -out server.pem
            """,
        ]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw TestServerFailure(what: "cannot prepare a MariaDB: \(Self.end(of: "\(folder)/install.log"))")
        }
    }

    var socket: String { "\(self.folder)/socket" }

    /// A database of its own for each call, and the address of it.
    func address(_ options: String = "tls=off", user: String = "root", host: String = "127.0.0.1") async throws
        -> MySQLAddress
    {
        let name = "test\(self.databases.add(1, ordering: .relaxed).newValue)"
        let server = try MySQLAddress(parsing: "mysql://root@\(host):\(self.port)/mysql?tls=off")
        try MySQLConnection(server).execute(MySQLStatement("create", "CREATE DATABASE \(name)"))
        return try MySQLAddress(parsing: "mysql://\(user)@\(host):\(self.port)/\(name)?\(options)")
    }

    /// Starts the server again after `stop`.
    func start() async throws {
        let started = try await Self.launch(self.folder, self.port)
        self.guardian.withLock { $0 = started }
    }

    private static func launch(_ folder: String, _ port: UInt16) async throws -> (process: Process, input: Pipe) {
        let (process, input) = (Process(), Pipe())
        // Not dash: it waits for a signal that processes started from here may have blocked.
        process.executableURL = URL(filePath: "/bin/bash")
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.arguments = [
            "-c",
            """
            cd '\(folder)' || exit 1
            \(Self.program ?? "mariadbd") --no-defaults --user="$(id -un)" --datadir="$PWD/data" --socket="$PWD/socket" \
                --pid-file="$PWD/pid" --port=\(port) --bind-address=127.0.0.1 --ssl-ca="$PWD/ca.pem" --ssl-cert="$PWD/server.pem" \
                --ssl-key="$PWD/server.key" --innodb-buffer-pool-size=32M --max-allowed-packet=16M </dev/null >log 2>&1 &
            server=$!
            while :; do
                kill -0 "$server" 2>/dev/null || exit 1
                read -r -t 0.2 word
                # Above 128, nothing came in time.
                [ $? -gt 128 ] || break
            done
            kill "$server"; wait "$server"
            [ "$word" = keep ] || rm -rf '\(folder)'
            """,
        ]
        process.standardInput = input
        try process.run()
        let address = try MySQLAddress(parsing: "mysql://root@127.0.0.1:\(port)/mysql?tls=off")
        for _ in 0..<600 where process.isRunning {
            if (try? Self.isOurs(address, folder)) == true { return (process, input) }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw TestServerFailure(what: "mariadbd did not start: \(Self.end(of: "\(folder)/log"))")
    }

    /// Another server may have got the port in between.
    private static func isOurs(_ address: MySQLAddress, _ folder: String) throws -> Bool {
        let connection = try MySQLConnection(address)
        let rows = try connection.rows(MySQLStatement("datadir", "SELECT @@datadir AS folder"))
        return try rows.first?.read("folder", as: String.self).hasPrefix(folder) == true
    }

    private static func end(of log: String) -> String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? "there is no \(log)"
        return String(text.suffix(1000))
    }

    /// Ends the server and keeps its data.
    func stop() {
        guard let (process, input) = self.guardian.withLock({ $0.take() }) else { return }
        try? input.fileHandleForWriting.write(contentsOf: Data("keep\n".utf8))
        process.waitUntilExit()
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutableBytes(of: &address) { bytes in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return true }
            return bind(descriptor, pointer, length) != 0 || getsockname(descriptor, pointer, &length) != 0
        }
        if failed { throw TestServerFailure(what: "no free port") }
        return address.sin_port.byteSwapped
    }
}

struct TestServerFailure: Error { let what: String }
