import JSONScan

/// A piece of a message.
struct Part: Sendable, Equatable {
    enum Content: Sendable, Equatable {
        case text(String)
        case image(Media)
        case audio(Media)
        case file(Media)
        case toolCall(ToolCall)
        case toolResult(ToolResult)
        case thinking(Thinking)
        case refusal(String)
    }

    var content: Content
    /// The provider should keep the prompt up to here for later calls.
    var cache: CacheMark?

    init(_ content: Content, cache: CacheMark? = nil) {
        self.content = content
        self.cache = cache
    }

    static func text(_ text: String) -> Part { Part(.text(text)) }

    /// The words of a text.
    var text: String? {
        if case .text(let text) = self.content { text } else { nil }
    }
}

/// Where the prompt up to a part is kept, and how long (`5m`, `1h`).
struct CacheMark: Sendable, Equatable {
    var ttl: String?
}

/// An image, a recording or a document.
struct Media: Sendable, Equatable {
    enum Source: Sendable, Equatable {
        case url(String)
        /// Base64.
        case data(String)
        /// The id of a file that the provider keeps.
        case stored(String)
        /// A document that is plain text.
        case text(String)
    }

    var source: Source
    /// A media type (`image/png`); providers that want only a format get its subtype.
    var type: String?
    var name: String?
    /// OpenAI's `detail`: how closely to look.
    var detail: String?

    init(_ source: Source, type: String? = nil, name: String? = nil, detail: String? = nil) {
        self.source = source
        self.type = type
        self.name = name
        self.detail = detail
    }

    /// Reads a URL; one that carries its data (RFC 2397, base64) becomes data.
    init(url: String, detail: String? = nil) {
        let body = url.utf8
        guard url.hasPrefix("data:"), let comma = body.firstIndex(of: UInt8(ascii: ",")) else {
            self.init(.url(url), detail: detail)
            return
        }
        let head = url[url.index(url.startIndex, offsetBy: 5)..<comma].split(separator: ";").map(String.init)
        guard head.last == "base64" else {
            self.init(.url(url), detail: detail)
            return
        }
        let type = head.first.flatMap { $0 == "base64" ? nil : $0 }
        self.init(.data(String(url[url.index(after: comma)...])), type: type ?? "text/plain", detail: detail)
    }

    /// The URL, or one that carries the data; nil for what has neither.
    func url(defaultType: String) -> String? {
        switch self.source {
        case .url(let url): url
        case .data(let data): "data:\(self.type ?? defaultType);base64,\(data)"
        case .stored, .text: nil
        }
    }

    /// `png` of `image/png`.
    var subtype: String? { self.type?.split(separator: "/").last.map(String.init) }
}

/// The model's wish to call a function.
struct ToolCall: Sendable, Equatable {
    var id: String
    var name: String
    /// JSON text, as the model wrote it; empty and `{}` both mean that there are none.
    var arguments: String
    /// Google's proof of the thoughts that led to the call.
    var signature: Signature?

    /// The arguments as an object; nil when the text is none.
    var argumentsObject: JSON? {
        if self.arguments.allSatisfy(\.isWhitespace) { return [:] }
        guard let json = try? JSON(parsing: Array(self.arguments.utf8)), json.members != nil else { return nil }
        return json
    }
}

/// What a function returned.
struct ToolResult: Sendable, Equatable {
    /// The call that it answers.
    var id: String
    /// The function, where the dialect says it.
    var name: String?
    var parts: [Part]
    var isError = false

    /// The words of the result: its texts, one after another.
    var text: String { self.parts.compactMap(\.text).joined() }
}

/// What the model thought before it answered.
struct Thinking: Sendable, Equatable {
    var text: String
    var signature: Signature?
    /// Thoughts that only the provider can read.
    var redacted: Signature?
}

/// A provider's proof that thoughts are its own. Only the provider that made it accepts it.
struct Signature: Sendable, Equatable {
    /// Anthropic's are good on Bedrock too.
    enum Origin: String, Sendable, CaseIterable { case anthropic, gemini, openai }

    var origin: Origin
    var text: String

    /// As a client of the dialect `home` keeps it: a foreign one is marked, so that it is known when it comes back.
    func carried(to home: Origin) -> String {
        if self.origin == home { return self.text }
        let marked = "\(self.origin.rawValue):\(self.text)"
        // Google's clients read it as bytes.
        return home == .gemini ? Base64.encode(Array(marked.utf8)) : marked
    }

    /// Reads what `carried(to:)` wrote.
    init(carried text: String, home: Origin) {
        let original = text
        let bytes = home == .gemini ? Base64.decode(text) : nil
        let text = bytes.flatMap { String(validating: $0, as: UTF8.self) } ?? text
        for origin in Origin.allCases where origin != home && text.hasPrefix("\(origin.rawValue):") {
            self.init(origin: origin, text: String(text.dropFirst(origin.rawValue.count + 1)))
            return
        }
        self.init(origin: home, text: original)
    }

    init(origin: Origin, text: String) {
        self.origin = origin
        self.text = text
    }
}
