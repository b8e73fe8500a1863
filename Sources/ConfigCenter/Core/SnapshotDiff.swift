internal import GatewayModel

/// What differs between two states, field by field and without secrets.
struct SnapshotDiff {
    let changes: [ResourceChange]

    init(from before: Snapshot, to after: Snapshot) {
        self.changes = ResourceSet(before).changes(to: ResourceSet(after))
    }

    var document: DocumentValue { .array(self.changes.map(Self.document)) }

    static func document(_ change: ResourceChange) -> DocumentValue {
        let action = change.before == nil ? "added" : change.after == nil ? "removed" : "changed"
        let (before, after) = (Self.leaves(change.before), Self.leaves(change.after))
        let fields = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
        return [
            "kind": .string(change.kind.rawValue), "name": .string(change.name), "change": .string(action),
            "secretsChanged": .bool(change.secretsChanged),
            "fields": .array(
                fields.map { path in
                    ["path": .string(path), "before": before[path] ?? .null, "after": after[path] ?? .null]
                }
            ),
        ]
    }

    /// Every value that is neither an object nor a list, by its path.
    private static func leaves(_ resource: Resource?) -> [String: DocumentValue] {
        var leaves: [String: DocumentValue] = [:]
        if let resource { Self.collect(resource.document(), at: "", into: &leaves) }
        return leaves
    }

    private static func collect(_ value: DocumentValue, at path: String, into leaves: inout [String: DocumentValue]) {
        switch value {
        case .object(let object) where !object.fields.isEmpty:
            for field in object.fields {
                Self.collect(field.value, at: path.isEmpty ? field.name : "\(path).\(field.name)", into: &leaves)
            }
        case .array(let values) where !values.isEmpty:
            for (index, value) in values.enumerated() { Self.collect(value, at: "\(path)[\(index)]", into: &leaves) }
        default: leaves[path] = value
        }
    }
}
