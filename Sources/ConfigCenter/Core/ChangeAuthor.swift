package import GatewayModel
internal import ServiceKit
internal import Storage

/// On whose behalf a change is made, and what that allows.
struct ChangeAuthor: Sendable {
    let name: String
    let origin: String
    /// As what the changed resources are marked.
    let managedBy: ManagedBy
    /// Whether resources that a file manages may be changed by someone else.
    let overridesFiles: Bool

    init(_ caller: Caller, overridesFiles: Bool = false) {
        self.name = caller.name
        self.origin = caller.origin
        self.managedBy = .api
        self.overridesFiles = overridesFiles
    }

    init(name: String, managedBy: ManagedBy) {
        self.name = name
        self.origin = "local"
        self.managedBy = managedBy
        self.overridesFiles = managedBy == .file
    }
}

/// What a change came to.
package struct ChangeReport: Sendable, Equatable {
    /// The snapshot that holds from now on; the one before when nothing changed.
    package let version: UInt64
    package let changes: [ResourceChange]
    /// Keys whose values were made here; they are not told again.
    package let generatedKeys: [GeneratedKey]
}
