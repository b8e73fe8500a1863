/// A tenant: the team, product or customer on whose behalf a call is made.
package struct Namespace: Sendable, Equatable {
    package var name: String
    /// Limits and policies of the parent apply as well as the namespace's own.
    package var parent: String?
    package var match: Match
    /// Callers without a key are admitted when `match` alone selects this namespace.
    package var anonymous: Bool

    package init(name: String, parent: String? = nil, match: Match = Match(), anonymous: Bool = false) {
        self.name = name
        self.parent = parent
        self.match = match
        self.anonymous = anonymous
    }

    /// What a request says about its namespace besides its key; every part that is present must agree with the key's.
    package struct Match: Sendable, Equatable {
        /// Begins with `/`, does not end with one, and is none of the reserved prefixes.
        package var pathPrefix: String?
        /// Lower case, without port.
        package var hosts: [String]
        package var headers: [Header]

        package struct Header: Sendable, Equatable {
            /// Lower case.
            package var name: String
            package var value: String

            package init(name: String, value: String) {
                self.name = name
                self.value = value
            }
        }

        package init(pathPrefix: String? = nil, hosts: [String] = [], headers: [Header] = []) {
            self.pathPrefix = pathPrefix
            self.hosts = hosts
            self.headers = headers
        }
    }

    /// Prefixes that belong to the gateway's own surface and cannot be given to a namespace.
    package static let reservedPrefixes = ["/v1", "/v1beta", "/-", "/metrics", "/healthz", "/readyz"]
}
