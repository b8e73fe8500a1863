package import GatewayModel

/// Where a resource is maintained: what a file names is read-only for the API until it is released.
package enum ManagedBy: String, Sendable, CaseIterable {
    case api, file
}

/// One resource as it is stored.
package struct ResourceRecord: Sendable, Equatable {
    package var kind: ResourceKind
    package var name: String
    /// Random; stays the same through every change.
    package var id: String
    /// Grows by one with each change; what `ETag` says.
    package var version: Int64
    package var managedBy: ManagedBy
    /// Seconds since 1970.
    package var updatedAt: Int64
    /// The written form; credentials only by position, a key with its digest.
    package var document: DocumentValue
    /// An upstream's credentials, sealed for its name and host; nil when it has none.
    package var sealed: [UInt8]?

    package init(
        kind: ResourceKind,
        name: String,
        id: String,
        version: Int64,
        managedBy: ManagedBy,
        updatedAt: Int64,
        document: DocumentValue,
        sealed: [UInt8]?
    ) {
        self.kind = kind
        self.name = name
        self.id = id
        self.version = version
        self.managedBy = managedBy
        self.updatedAt = updatedAt
        self.document = document
        self.sealed = sealed
    }
}

/// One published snapshot as it is stored: immutable.
package struct SnapshotRecord: Sendable, Equatable {
    package var version: UInt64
    package var createdAt: Int64
    package var author: String
    /// Why it was made: `apply`, `rollback to 3`, `create key search-prod`.
    package var reason: String
    package var contentHash: String
    /// The encoded snapshot, sealed for its version. Empty in lists.
    package var sealed: [UInt8]

    package init(
        version: UInt64,
        createdAt: Int64,
        author: String,
        reason: String,
        contentHash: String,
        sealed: [UInt8]
    ) {
        self.version = version
        self.createdAt = createdAt
        self.author = author
        self.reason = reason
        self.contentHash = contentHash
        self.sealed = sealed
    }
}

/// A person who may log in.
package struct UserRecord: Sendable, Equatable {
    package var name: String
    package var role: String
    /// Algorithm, cost, salt and hash in one text.
    package var passwordHash: String
    package var createdAt: Int64

    package init(name: String, role: String, passwordHash: String, createdAt: Int64) {
        self.name = name
        self.role = role
        self.passwordHash = passwordHash
        self.createdAt = createdAt
    }
}

/// A bearer token that was given to someone; the token itself is not stored.
package struct TokenRecord: Sendable, Equatable {
    /// SHA-256 of the token, in hexadecimal.
    package var digest: String
    package var user: String
    package var role: String
    package var expiresAt: Int64

    package init(digest: String, user: String, role: String, expiresAt: Int64) {
        self.digest = digest
        self.user = user
        self.role = role
        self.expiresAt = expiresAt
    }
}

/// Who changed what, and from where. Without secrets.
package struct AuditRecord: Sendable, Equatable {
    /// Given by the store; 0 before.
    package var id: Int64
    package var at: Int64
    package var actor: String
    /// The address that the request came from; `local` for changes within the process.
    package var origin: String
    /// `create`, `update`, `delete`, `release`, `login` …
    package var action: String
    /// The kind of resource, or what else was acted upon.
    package var kind: String
    package var name: String
    package var before: DocumentValue
    package var after: DocumentValue
    /// Whether something changed that the two documents do not show.
    package var secretsChanged: Bool
    /// The snapshot that the change is part of; nil when it made none.
    package var snapshot: UInt64?

    package init(
        id: Int64 = 0,
        at: Int64,
        actor: String,
        origin: String,
        action: String,
        kind: String,
        name: String,
        before: DocumentValue = .null,
        after: DocumentValue = .null,
        secretsChanged: Bool = false,
        snapshot: UInt64? = nil
    ) {
        self.id = id
        self.at = at
        self.actor = actor
        self.origin = origin
        self.action = action
        self.kind = kind
        self.name = name
        self.before = before
        self.after = after
        self.secretsChanged = secretsChanged
        self.snapshot = snapshot
    }
}
