/// An upstream as it is written: each credential is given anew, or kept from the stored upstream by its position.
package struct UpstreamDraft: Sendable, Equatable {
    /// Everything but the credentials.
    package var upstream: Upstream
    /// `proxy` has the password that is stored.
    var keepsProxyPassword = false
    package var credentials: [CredentialDraft]

    package enum CredentialDraft: Sendable, Equatable {
        case given(Upstream.Credential)
        /// `stored: n`: the nth credential that is stored already, from 1.
        case stored(position: Int, weight: Int)
    }

    /// Reads the written form; problems go to the reader's log and leave stand-in values.
    package init(reading fields: FieldReader) {
        let allowLinkLocal = fields.bool("allowLinkLocal", default: false)
        self.upstream = Upstream(
            name: fields.required("name", TextRule.name),
            dialect: fields.has("dialect") ? fields.choice("dialect", default: .openAI) : Self.missingDialect(fields),
            baseURL: Self.baseURL(fields, allowLinkLocal: allowLinkLocal),
            limits: fields.object("limits").map { Upstream.Limits(reading: $0) } ?? Upstream.Limits(),
            timeouts: fields.object("timeouts").map { Upstream.Timeouts(reading: $0) } ?? Upstream.Timeouts(),
            caFile: fields.string("caFile", Self.filePath),
            allowLinkLocal: allowLinkLocal
        )
        let (egress, keepsPassword) = Self.egress(fields, allowLinkLocal: allowLinkLocal)
        self.upstream.egress = egress
        self.keepsProxyPassword = keepsPassword
        self.upstream.apiVersion = Self.apiVersion(fields, self.upstream)
        self.upstream.hasResponses = Self.hasResponses(fields, self.upstream.dialect)
        self.credentials = fields.objects("credentials", atMost: 64)?.map { CredentialDraft(reading: $0) } ?? []
        fields.finish()
    }

    private static func missingDialect(_ fields: FieldReader) -> Dialect {
        let allowed = Dialect.allCases.map(\.rawValue)
        fields.problem("dialect", "is required, one of: \(allowed.joined(separator: ", "))", allowed: allowed)
        return .openAI
    }

    private static func baseURL(_ fields: FieldReader, allowLinkLocal: Bool) -> BaseURL {
        let standIn = BaseURL(tls: true, host: "invalid", port: 443, path: "")
        let text = fields.required("baseURL")
        guard !text.isEmpty else { return standIn }
        do throws(BaseURL.Refusal) {
            let url = try BaseURL(parsing: text)
            if url.isLinkLocal, !allowLinkLocal {
                fields.problem(
                    "baseURL",
                    "names a link-local or metadata address; set `allowLinkLocal: true` if that is meant"
                )
            }
            return url
        } catch {
            fields.problem("baseURL", error.message)
            return standIn
        }
    }

    private static func hasResponses(_ fields: FieldReader, _ dialect: Dialect) -> Bool {
        let given = fields.bool("responses", default: true)
        if !given, dialect != .openAI, dialect != .azureOpenAI {
            fields.problem("responses", "is for upstreams of the dialects openai and azure-openai; others have none")
            return true
        }
        return given
    }

    /// Azure wants a version in every call, unless the base URL is that of its versionless API (learn.microsoft.com, "Azure
    /// OpenAI in Azure AI Foundry Models API lifecycle").
    private static func apiVersion(_ fields: FieldReader, _ upstream: Upstream) -> String? {
        let isVersionless = upstream.baseURL.path.hasSuffix("/openai/v1")
        let given = fields.string("apiVersion") { text in
            let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"&#?%".utf8.contains($0) }
            return (1...64).contains(text.utf8.count) && isPlain ? nil : "must be a version such as 2024-10-21"
        }
        guard upstream.dialect == .azureOpenAI else {
            if given != nil { fields.problem("apiVersion", "is for upstreams of the dialect azure-openai") }
            return nil
        }
        if isVersionless, given != nil { fields.problem("apiVersion", "is not for a base URL that ends in /openai/v1") }
        return isVersionless ? nil : given ?? "2024-10-21"
    }

    static func filePath(_ text: String) -> String? {
        (1...4096).contains(text.utf8.count) && !text.utf8.contains(where: { $0 < 0x20 })
            ? nil : "must be a file's path"
    }

    /// The upstream with its credentials. A kept credential is refused when the upstream's scheme, host or port
    /// changes: whoever moves an upstream must know its credential.
    package func resolved(keeping stored: Upstream?, at path: String, log: ProblemLog) -> Upstream {
        var upstream = self.upstream
        self.keepPassword(of: stored, in: &upstream, at: path, log: log)
        for (index, draft) in self.credentials.enumerated() {
            let place = (path.isEmpty ? "" : path + ".") + "credentials[\(index)].stored"
            switch draft {
            case .given(let credential): upstream.credentials.append(credential)
            case .stored(let position, let weight):
                guard let stored, stored.credentials.indices.contains(position - 1) else {
                    log.add(place, "there is no stored credential \(position); give it anew")
                    continue
                }
                guard stored.baseURL.isSamePlace(as: upstream.baseURL) else {
                    log.add(place, "cannot be kept for another scheme, host or port; give the credential again")
                    continue
                }
                // Over plain HTTP the proxy reads the credential, so it is one of the places that it is given to.
                guard upstream.baseURL.tls || stored.egress.place == upstream.egress.place else {
                    log.add(place, "cannot be kept for another proxy of an http upstream; give the credential again")
                    continue
                }
                upstream.credentials.append(
                    Upstream.Credential(source: stored.credentials[position - 1].source, weight: weight)
                )
            }
        }
        return upstream
    }
}

extension BaseURL {
    /// Whether both name the same server by the same means; the path does not matter.
    package func isSamePlace(as other: BaseURL) -> Bool {
        self.tls == other.tls && self.host == other.host && self.port == other.port
    }
}

extension Upstream {
    /// The written form, with every default written out.
    package func document(secrets: SecretForm = .omitted) -> DocumentValue {
        var object = DocumentObject([
            ("name", .string(self.name)), ("dialect", .string(self.dialect.rawValue)),
            ("baseURL", .string(self.baseURL.description)),
        ])
        let credentials = self.credentials.enumerated().map { $1.document(position: $0 + 1, secrets: secrets) }
        object.set("credentials", .array(credentials))
        object.set("limits", self.limits.document)
        object.set("timeouts", self.timeouts.document)
        if let caFile = self.caFile { object.set("caFile", .string(caFile)) }
        object.set("allowLinkLocal", .bool(self.allowLinkLocal))
        if let apiVersion = self.apiVersion { object.set("apiVersion", .string(apiVersion)) }
        if !self.hasResponses { object.set("responses", .bool(false)) }
        switch self.egress {
        case .process: break
        case .direct: object.set("proxy", .string("direct"))
        case .proxy(let proxy): object.set("proxy", proxy.document(secrets))
        }
        return .object(object)
    }
}

extension Upstream.Limits {
    init(reading fields: FieldReader) {
        let defaults = Self()
        self.init(
            connections: fields.int("connections", default: nil, in: 1...100_000) ?? defaults.connections,
            requestsInFlight: fields.int("requestsInFlight", default: nil, in: 1...1_000_000)
                ?? defaults.requestsInFlight,
            queue: fields.int("queue", default: nil, in: 0...1_000_000) ?? defaults.queue,
            queueTimeout: fields.duration("queueTimeout", default: nil, in: .zero ... .seconds(600))
                ?? defaults.queueTimeout
        )
        fields.finish()
    }

    var document: DocumentValue {
        [
            "connections": .int(Int64(self.connections)),
            "requestsInFlight": .int(Int64(self.requestsInFlight)),
            "queue": .int(Int64(self.queue)),
            "queueTimeout": .string(Quantity.text(self.queueTimeout)),
        ]
    }
}

extension Upstream.Timeouts {
    init(reading fields: FieldReader) {
        let defaults = Self()
        let least = Duration.milliseconds(1)
        self.init(
            connect: fields.duration("connect", default: nil, in: least ... .seconds(60)) ?? defaults.connect,
            firstByte: fields.duration("firstByte", default: nil, in: least ... .seconds(3600)) ?? defaults.firstByte,
            idle: fields.duration("idle", default: nil, in: least ... .seconds(3600)) ?? defaults.idle,
            total: fields.duration("total", default: nil, in: least ... .seconds(86_400)) ?? defaults.total
        )
        fields.finish()
    }

    var document: DocumentValue {
        [
            "connect": .string(Quantity.text(self.connect)),
            "firstByte": .string(Quantity.text(self.firstByte)),
            "idle": .string(Quantity.text(self.idle)),
            "total": .string(Quantity.text(self.total)),
        ]
    }
}
