/// What a caller of a service may do. Each endpoint lists the roles that it admits.
package enum Role: String, Sendable, CaseIterable {
    /// Everything, people and their roles included.
    case admin
    /// Reads and changes resources.
    case editor
    /// Reads resources.
    case viewer
    /// Reads resources and the audit.
    case auditor
    /// A gateway that has proved its enrolment: receives snapshots, secrets included, and reports back.
    case gateway
}

/// Who is asking, once that is proved.
package struct Caller: Sendable, Equatable {
    package let name: String
    package let role: Role
    /// The address that the request came from; `local` within the process.
    package let origin: String

    package init(name: String, role: Role, origin: String) {
        self.name = name
        self.role = role
        self.origin = origin
    }
}

/// Whom an endpoint admits.
package enum Access: Sendable, Equatable {
    /// Anyone, without credentials. Only what says nothing about the configuration.
    case open
    case roles(Set<Role>)

    package func admits(_ role: Role) -> Bool {
        switch self {
        case .open: true
        case .roles(let roles): roles.contains(role)
        }
    }
}

/// Finds out who holds a bearer token.
package protocol Authenticator: Sendable {
    /// The caller's name and role; nil for a token that is unknown or has expired.
    func holder(of token: String) async throws -> (name: String, role: Role)?
}
