import ConfigCenter
import GatewayModel
import HTTPTypes
import ServiceKit
import Synchronization
import Testing

struct AccessServiceTests {
    @Test func guessingIsSlowedDown() async throws {
        try await Fixture.run { fixture in
            let guess = #"{"name":"editor","password":"wrong"}"#
            for _ in 0..<5 {
                let answer = try await fixture.call(.post, "/api/v1/login", guess, as: nil)
                #expect(answer.status == 401 && answer.code == "wrong_password")
            }
            let answer = try await fixture.call(.post, "/api/v1/login", guess, as: nil)
            #expect(answer.status == 429 && answer.code == "too_many_attempts" && answer.headers[.retryAfter] == "1")
            let unknown = try await fixture.call(
                .post,
                "/api/v1/login",
                #"{"name":"nobody","password":"wrong"}"#,
                as: nil
            )
            #expect(unknown.code == "wrong_password")
        }
    }

    @Test func passwordsAreHashedAtFullCostByDefault() async throws {
        #expect(try await PasswordHasher().hash(Secret("correct horse")).hasPrefix("scrypt$32768$"))
        let hasher = PasswordHasher(rounds: 16)
        let stored = try await hasher.hash(Secret("correct horse"))
        #expect(try await hasher.verify(Secret("correct horse"), against: stored))
        #expect(try await !hasher.verify(Secret("correct horsf"), against: stored))
        #expect(try await !hasher.verify(Secret("correct horse"), against: "scrypt$x"))
        #expect(try await !hasher.verify(Secret("correct horse"), against: nil))
        #expect(try await hasher.hash(Secret("correct horse")) != stored)
    }

    @Test func tokensExpireAndEnd() async throws {
        let clock = TestClock(1_800_000_000)
        try await Fixture.run(clock: clock) { fixture in
            let logout = try await fixture.call(.post, "/api/v1/logout", as: .viewer)
            #expect(logout.status == 204)
            #expect(try await fixture.call(.get, "/api/v1/keys", as: .viewer).status == 401)
            #expect(try await fixture.call(.get, "/api/v1/keys", as: .editor).status == 200)
            clock.now += 12 * 3600
            #expect(try await fixture.call(.get, "/api/v1/keys", as: .editor).status == 401)
        }
    }

    @Test func peopleComeAndGo() async throws {
        try await Fixture.run { fixture in
            let draft = #"{"name":"ann","role":"editor","password":"twelve or more"}"#
            #expect(try await fixture.call(.post, "/api/v1/users", draft).status == 201)
            #expect(try await fixture.call(.post, "/api/v1/users", draft).code == "already_exists")
            let short = try await fixture.call(
                .post,
                "/api/v1/users",
                #"{"name":"bob","role":"gateway","password":"x"}"#
            )
            #expect(short.json["problems"]?.array?.compactMap { $0["path"] } == ["password", "role"])
            #expect(try await fixture.call(.delete, "/api/v1/users/editor").status == 204)
            #expect(try await fixture.call(.get, "/api/v1/keys", as: .editor).status == 401)
            #expect(try await fixture.call(.delete, "/api/v1/users/admin").code == "still_referenced")
        }
    }

    @Test func aNewPasswordEndsAllTokens() async throws {
        try await Fixture.run { fixture in
            let wrong = try await fixture.call(
                .post,
                "/api/v1/password",
                #"{"current":"x","new":"another password"}"#,
                as: .viewer
            )
            #expect(wrong.status == 403)
            let right = try await fixture.call(
                .post,
                "/api/v1/password",
                #"{"current":"a long password","new":"another password"}"#,
                as: .viewer
            )
            #expect(right.status == 204)
            #expect(try await fixture.call(.get, "/api/v1/keys", as: .viewer).status == 401)
            let login = try await fixture.call(
                .post,
                "/api/v1/login",
                #"{"name":"viewer","password":"another password"}"#,
                as: nil
            )
            #expect(login.status == 200 && login.json["role"] == "viewer")
        }
    }

    @Test func aRenewedEnrolmentTokenEndsTheOldOne() async throws {
        try await Fixture.run { fixture in
            #expect(try await fixture.call(.post, "/api/v1/gateways/g", #"{"version":1}"#, as: .gateway).status == 204)
            let token = try await fixture.center.renewEnrolmentToken()
            #expect(try await fixture.call(.post, "/api/v1/gateways/g", #"{"version":1}"#, as: .gateway).status == 401)
            let answer = try await fixture.call(
                .post,
                "/api/v1/gateways/g",
                #"{"version":1}"#,
                as: nil,
                headers: [.authorization: "Bearer \(token)"]
            )
            #expect(answer.status == 204)
        }
    }
}

/// Seconds that pass when a test says so.
final class TestClock: Sendable {
    private let seconds: Mutex<Int64>

    init(_ seconds: Int64) { self.seconds = Mutex(seconds) }

    var now: Int64 {
        get { self.seconds.withLock { $0 } }
        set { self.seconds.withLock { $0 = newValue } }
    }
}
