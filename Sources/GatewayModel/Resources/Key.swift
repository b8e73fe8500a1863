/// A gateway key: what an application presents instead of a provider's credential.
package struct Key: Sendable, Equatable {
    package var name: String
    package var namespace: String
    /// HMAC-SHA-256 of the key's value under the installation's pepper; the value itself is never stored.
    package var digest: KeyDigest
    /// The last four characters of the value, for people who have several.
    package var hint: String
    /// Models this key may call; nil means all.
    package var models: [NamePattern]?
    /// Seconds since 1970; from then on the key is refused as expired.
    package var expires: Int64?

    package init(
        name: String,
        namespace: String,
        digest: KeyDigest,
        hint: String,
        models: [NamePattern]? = nil,
        expires: Int64? = nil
    ) {
        self.name = name
        self.namespace = namespace
        self.digest = digest
        self.hint = hint
        self.models = models
        self.expires = expires
    }
}

/// 256 bits of HMAC-SHA-256, as four words so that hashing and comparing need no array.
package struct KeyDigest: Sendable, Hashable {
    package let words: (UInt64, UInt64, UInt64, UInt64)

    /// Nil unless `bytes` are 32.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        self.words = (words[0], words[1], words[2], words[3])
    }

    package var bytes: [UInt8] {
        [self.words.0, self.words.1, self.words.2, self.words.3].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }

    package static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    /// The digest is uniformly random already; one word of it is hash enough.
    package func hash(into hasher: inout Hasher) { hasher.combine(self.words.0) }
}
