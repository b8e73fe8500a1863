extension UpstreamDraft.CredentialDraft {
    init(reading fields: FieldReader) {
        let weight = fields.int("weight", default: 1, in: 1...1_000_000) ?? 1
        let written = Self.kinds.filter(fields.has)
        if written.count != 1 {
            fields.log.add(fields.path, "must have exactly one of: \(Self.kinds.joined(separator: ", "))")
        }
        switch written.first {
        case "file":
            self = .given(.init(source: .file(fields.required("file", UpstreamDraft.filePath)), weight: weight))
        case "headers": self = .given(.init(source: .headers(Self.headers(fields)), weight: weight))
        case "aws": self = .given(.init(source: .aws(Self.aws(fields)), weight: weight))
        case "azureAD": self = .given(.init(source: .entra(Self.entra(fields)), weight: weight))
        case "stored":
            self = .stored(position: fields.int("stored", default: 1, in: 1...64) ?? 1, weight: weight)
        default:
            let value = fields.string("value", TextRule.headerValue) ?? ""
            self = .given(.init(source: .value(Secret(value)), weight: weight))
        }
        fields.finish()
    }

    private static let kinds = ["value", "file", "headers", "aws", "azureAD", "stored"]

    private static func aws(_ fields: FieldReader) -> Upstream.Credential.AWS {
        let fields =
            fields.object("aws") ?? FieldReader(.object(DocumentObject()), at: fields.path("aws"), log: fields.log)
        defer { fields.finish() }
        return .init(
            accessKey: fields.required("accessKey", TextRule.headerValue),
            secretKey: Secret(fields.required("secretKey", TextRule.headerValue)),
            sessionToken: fields.string("sessionToken", TextRule.headerValue).map { Secret($0) },
            region: fields.required("region", TextRule.name)
        )
    }

    private static func entra(_ fields: FieldReader) -> Upstream.Credential.Entra {
        let fields =
            fields.object("azureAD")
            ?? FieldReader(.object(DocumentObject()), at: fields.path("azureAD"), log: fields.log)
        defer { fields.finish() }
        let usual = "https://login.microsoftonline.com"
        let authority = fields.string("authority") { (text: String) -> String? in
            do throws(BaseURL.Refusal) { _ = try BaseURL(parsing: text) } catch { return error.message }
            return nil
        }
        return .init(
            tenant: fields.required("tenant", TextRule.name),
            clientID: fields.required("clientID", TextRule.name),
            clientSecret: Secret(fields.required("clientSecret", TextRule.headerValue)),
            authority: (try? BaseURL(parsing: authority ?? usual))
                ?? BaseURL(tls: true, host: "invalid", port: 443, path: "")
        )
    }

    /// Fields that decide how a message is framed or where it goes; the gateway writes them itself.
    private static let reserved: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade",
        "expect", "accept-encoding", "proxy-connection",
    ]

    private static func headers(_ fields: FieldReader) -> [Upstream.Credential.Header] {
        guard let value = fields.value("headers") else { return [] }
        let headers = FieldReader(value, at: fields.path("headers"), log: fields.log)
        if !(1...16).contains(headers.written.count) { fields.problem("headers", "must have 1 to 16 entries") }
        return headers.written.prefix(16).map { name in
            if let complaint = TextRule.headerName(name) { headers.problem(name, complaint) }
            if Self.reserved.contains(name.lowercased()) { headers.problem(name, "is written by the gateway itself") }
            let value = headers.required(name, TextRule.headerValue)
            return .init(name: name.lowercased(), value: Secret(value))
        }
    }
}

extension Upstream.Credential {
    func document(position: Int, secrets: SecretForm) -> DocumentValue {
        let text = { (secret: Secret) in DocumentValue.string(String(decoding: secret.reveal(), as: UTF8.self)) }
        var object = DocumentObject()
        switch (self.source, secrets) {
        case (.file(let path), _): object.set("file", .string(path))
        case (_, .omitted): object.set("stored", .int(Int64(position)))
        case (.value(let secret), .clear): object.set("value", text(secret))
        case (.headers(let headers), .clear):
            object.set("headers", .object(DocumentObject(headers.map { ($0.name, text($0.value)) })))
        case (.aws(let aws), .clear):
            var fields = DocumentObject([
                ("accessKey", .string(aws.accessKey)), ("secretKey", text(aws.secretKey)),
                ("region", .string(aws.region)),
            ])
            if let token = aws.sessionToken { fields.set("sessionToken", text(token)) }
            object.set("aws", .object(fields))
        case (.entra(let entra), .clear):
            object.set(
                "azureAD",
                [
                    "tenant": .string(entra.tenant), "clientID": .string(entra.clientID),
                    "clientSecret": text(entra.clientSecret), "authority": .string(entra.authority.description),
                ]
            )
        }
        object.set("weight", .int(Int64(self.weight)))
        return .object(object)
    }
}
