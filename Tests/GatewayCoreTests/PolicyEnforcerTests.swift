import GatewayModel
import SharedState
import Testing

@testable import GatewayCore

struct PolicyEnforcerTests {
    static let wall: UInt64 = 1_795_000_000_250_000_000

    static func limit(_ policy: String, _ requests: UInt32, shadow: Bool = false, smooth: Bool = false) -> CompiledLimit
    {
        CompiledLimit(
            policy: policy,
            isShadow: shadow,
            requests: requests,
            length: 1_000_000_000,
            counter: smooth ? .smooth(SmoothCounter()) : .window(WindowCounter())
        )
    }

    /// How many calls in a row the limits admit.
    static func admitted(
        _ namespace: [CompiledLimit],
        _ key: [CompiledLimit] = [],
        _ route: [CompiledLimit] = [],
        _ model: [CompiledLimit] = []
    ) -> Int {
        for count in 0..<1000 {
            var enforcer = PolicyEnforcer(wall: Self.wall)
            let refusal = enforcer.enforce(Parts(namespace), Parts(key), Parts(route), Parts(model))
            if refusal != nil { return count }
        }
        return 1000
    }

    @Test(arguments: 0..<4, [false, true]) func theMostRestrictiveLimitOfAnyScopeWins(_ scope: Int, _ smooth: Bool) {
        var scopes = (0..<4).map { [Self.limit("wide\($0)", 50, smooth: smooth)] }
        scopes[scope].append(Self.limit("tight", 3, smooth: smooth))
        #expect(Self.admitted(scopes[0], scopes[1], scopes[2], scopes[3]) == 3)
    }

    @Test(arguments: 0..<4, [false, true]) func aRefusedCallTakesNothingFromTheOthers(_ scope: Int, _ smooth: Bool) {
        let wide = (0..<4).map { [Self.limit("a\($0)", 9, smooth: smooth), Self.limit("b\($0)", 9, smooth: smooth)] }
        var scopes = wide
        scopes[scope].append(Self.limit("tight", 0 + 1, smooth: smooth))
        #expect(Self.admitted(scopes[0], scopes[1], scopes[2], scopes[3]) == 1)
        for _ in 0..<20 { #expect(Self.admitted(scopes[0], scopes[1], scopes[2], scopes[3]) == 0) }
        // One of nine was taken; the other eight are still there.
        #expect(Self.admitted(wide[0], wide[1], wide[2], wide[3]) == 8)
    }

    @Test func saysWhichPolicyRefusesAndWhenToComeBack() {
        let limits = [Self.limit("search-rpm", 1)]
        var enforcer = PolicyEnforcer(wall: Self.wall)
        #expect(enforcer.enforce(Parts(limits), nil, Parts([]), nil) == nil)
        #expect(enforcer.standing.isPresent && enforcer.standing.limit == 1 && enforcer.standing.remaining == 0)
        let refusal = enforcer.enforce(Parts([Self.limit("wide", 5)]), Parts(limits), Parts([]), nil)
        #expect(refusal?.code == .rateLimited && refusal?.retryAfter == 750_000_000)
        #expect(refusal?.detail?.contains("`search-rpm`") == true)
    }

    @Test func tellsOfTheLimitWithTheLeastRemaining() {
        var enforcer = PolicyEnforcer(wall: Self.wall)
        let (namespace, key, model) = (Self.limit("a", 10), Self.limit("b", 4), Self.limit("c", 7))
        #expect(enforcer.enforce(Parts([namespace]), Parts([key]), Parts([]), Parts([model])) == nil)
        #expect(enforcer.standing.limit == 4 && enforcer.standing.remaining == 3)
    }

    @Test func aShadowPolicyCountsAndRefusesNothing() {
        let shadow = [Self.limit("shadow", 2, shadow: true)]
        var refusals = 0
        for _ in 0..<5 {
            var enforcer = PolicyEnforcer(wall: Self.wall)
            #expect(enforcer.enforce(Parts(shadow), Parts([Self.limit("wide", 9)]), Parts([]), nil) == nil)
            refusals += enforcer.shadowRefusals
            #expect(enforcer.standing.limit == 9)
        }
        #expect(refusals == 3)
    }

    @Test func withoutLimitsThereIsNoStanding() {
        var enforcer = PolicyEnforcer(wall: Self.wall)
        #expect(enforcer.enforce(Parts([]), nil, Parts([]), nil) == nil)
        #expect(!enforcer.standing.isPresent)
    }
}
