/// How a written form deals with what must not be seen.
package enum SecretForm: Sendable {
    /// For people and files: credentials as `stored: n`, keys without value. Reading it back keeps what is stored.
    case omitted
    /// For sealing and for enrolled gateways: credentials in clear, keys with their digest.
    case clear
}

/// A key as it is written: its value may be given, or left out to keep the stored one or have one generated.
package struct KeyDraft: Sendable, Equatable {
    package enum Material: Sendable, Equatable {
        case omitted
        case value(Secret)
        /// Only in the clear form.
        case digest(KeyDigest, hint: String)
    }

    package var name: String
    package var namespace: String
    package var material: Material
    package var models: [NamePattern]?
    package var expires: Int64?

    /// Reads the written form; problems go to the reader's log and leave stand-in values.
    package init(reading fields: FieldReader, secrets: SecretForm = .omitted) {
        self.name = fields.required("name", TextRule.name)
        self.namespace = fields.required("namespace", TextRule.name)
        self.material = Self.material(fields, secrets)
        self.models = fields.patterns("models", atMost: 256, TextRule.pattern)
        self.expires = nil
        if let written = fields.string("expires") {
            self.expires = Timestamp.seconds(written)
            if self.expires == nil {
                fields.problem("expires", "must be an RFC 3339 time such as 2027-01-01T00:00:00Z")
            }
        }
        fields.finish()
    }

    private static func material(_ fields: FieldReader, _ secrets: SecretForm) -> Material {
        switch secrets {
        case .omitted:
            let rule = { (text: String) in
                TextRule.headerValue(text) == nil && !text.contains(" ") && (8...256).contains(text.utf8.count)
                    ? nil : "must be 8 to 256 visible ASCII characters without spaces"
            }
            return fields.string("value", rule).map { .value(Secret($0)) } ?? .omitted
        case .clear:
            let hint = fields.required("hint")
            if let digest = Hex.bytes(fields.required("digest")).flatMap(KeyDigest.init) {
                return .digest(digest, hint: hint)
            }
            fields.problem("digest", "must be 64 hexadecimal digits")
            return .omitted
        }
    }

    /// The key itself, and its value if one had to be generated, which is the only time that it can be seen.
    package func resolved(
        keeping stored: Key?,
        digest: (Secret) -> KeyDigest
    ) -> (key: Key, generated: String?) {
        func key(_ digest: KeyDigest, _ hint: String) -> Key {
            Key(
                name: self.name,
                namespace: self.namespace,
                digest: digest,
                hint: hint,
                models: self.models,
                expires: self.expires
            )
        }
        switch self.material {
        case .digest(let known, let hint): return (key(known, hint), nil)
        case .value(let value): return (key(digest(value), Self.hint(value)), nil)
        case .omitted:
            if let stored { return (key(stored.digest, stored.hint), nil) }
            let value = Self.generatedValue()
            return (key(digest(Secret(value)), Self.hint(Secret(value))), value)
        }
    }

    private static func hint(_ value: Secret) -> String { String(decoding: value.reveal().suffix(4), as: UTF8.self) }

    /// `agw_` and 32 random letters and digits: 190 bits.
    package static func generatedValue() -> String { "agw_" + RandomText.base62(32) }
}

extension Key {
    /// The written form, with every default written out.
    package func document(secrets: SecretForm = .omitted) -> DocumentValue {
        var object = DocumentObject([("name", .string(self.name)), ("namespace", .string(self.namespace))])
        if secrets == .clear {
            object.set("digest", .string(Hex.text(self.digest.bytes)))
            object.set("hint", .string(self.hint))
        }
        if let models = self.models { object.set("models", .array(models.map { .string($0.text) })) }
        if let expires = self.expires { object.set("expires", .string(Timestamp.text(expires))) }
        return .object(object)
    }
}
