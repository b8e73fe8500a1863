package import Dialects
import GatewayModel
import Glibc
package import HTTPWire
import Journal

/// One operation of the gateway's surface, and everything that sets it apart from the others.
@usableFromInline
package struct Endpoint: Sendable {
    /// What the body of a request is.
    @usableFromInline
    package enum Body: Sendable { case none, json, multipart }

    /// Whether the call names a model.
    package enum ModelUse: Sendable { case required, optional, none }

    /// What is asked for, where other dialects have words for it too.
    package enum Work: Sendable { case chat, count, embeddings, other }

    /// What the call has to do with objects that a provider keeps.
    package enum Objects: Sendable, Equatable {
        case none
        /// The answer's `id` belongs to the caller's namespace from then on.
        case creates
        /// Like `creates`, but only when the body does not say `"store": false`.
        case createsUnlessUnstored
        /// Like `creates`, but only when the body says `"store": true`.
        case createsIfStored
        /// The path names an object, which must belong to the caller's namespace.
        case uses
        case deletes
        /// The answer lists objects; those of other namespaces are taken out.
        case lists
    }

    package let method: RequestHead.Method
    /// Below the version segment; `{}` stands for one segment.
    package let path: StaticString
    package let format: WireFormat
    package let body: Body
    package let model: ModelUse
    package let objects: Objects
    /// Answered by the gateway itself.
    package let isLocal: Bool
    /// The call names its models in a file that the gateway does not read.
    package let callsAnyModel: Bool
    /// The answer is a WebSocket; the model stands in the query.
    package let upgrades: Bool
    /// The path names the model, and what is done with it: the body does not.
    package let namesModelInPath: Bool
    package let work: Work

    private init(
        _ method: RequestHead.Method,
        _ path: StaticString,
        _ format: WireFormat = .openAIPlain,
        body: Body = .none,
        model: ModelUse = .none,
        objects: Objects = .none,
        isLocal: Bool = false,
        callsAnyModel: Bool = false,
        upgrades: Bool = false,
        work: Work = .other,
        namesModelInPath: Bool = false
    ) {
        self.method = method
        self.path = path
        self.format = format
        self.body = body
        self.model = model
        self.objects = objects
        self.isLocal = isLocal
        self.callsAnyModel = callsAnyModel
        self.upgrades = upgrades
        self.work = work
        self.namesModelInPath = namesModelInPath
    }

    /// Whether Google's clients call it, and may do so under `/v1beta`.
    var isGoogles: Bool { self.namesModelInPath || self.isLocal }

    /// Whether Azure serves the call by a deployment that its path names, rather than by the resource.
    var isDeployed: Bool {
        guard self.method == .post, self.model != .none else { return false }
        return self.format == .openAIChat || self.format == .openAIPlain
    }

    /// One of Google's methods of a model.
    private static func gemini(_ path: StaticString, _ format: WireFormat, _ work: Work) -> Endpoint {
        Endpoint(.post, path, format, body: .json, model: .required, work: work, namesModelInPath: true)
    }

    /// The whole surface under `/v1`, and Google's under `/v1beta` too. The most called come first: the list is searched from
    /// its beginning.
    package static let all: [Endpoint] = [
        Endpoint(
            .post,
            "/chat/completions",
            .openAIChat,
            body: .json,
            model: .required,
            objects: .createsIfStored,
            work: .chat
        ),
        Endpoint(.post, "/messages", .anthropicMessages, body: .json, model: .required, work: .chat),
        Endpoint(
            .post,
            "/responses",
            .openAIResponses,
            body: .json,
            model: .optional,
            objects: .createsUnlessUnstored,
            work: .chat
        ),
        Self.gemini("/models/{}:generateContent", .geminiGenerate, .chat),
        Self.gemini("/models/{}:streamGenerateContent", .geminiArray, .chat),
        Self.gemini("/models/{}:countTokens", .geminiPlain, .count),
        Self.gemini("/models/{}:embedContent", .geminiPlain, .embeddings),
        Self.gemini("/models/{}:batchEmbedContents", .geminiPlain, .embeddings),
        Endpoint(.post, "/embeddings", body: .json, model: .required, work: .embeddings),
        Endpoint(.post, "/completions", .openAIChat, body: .json, model: .required),
        Endpoint(.get, "/models", isLocal: true),
        Endpoint(.get, "/models/{}", isLocal: true),
        Endpoint(.post, "/messages/count_tokens", .anthropicMessages, body: .json, model: .required, work: .count),
        Endpoint(.post, "/moderations", body: .json, model: .optional),
        Endpoint(.post, "/images/generations", body: .json, model: .optional),
        Endpoint(.post, "/images/edits", body: .multipart, model: .optional),
        Endpoint(.post, "/images/variations", body: .multipart, model: .optional),
        Endpoint(.post, "/audio/speech", body: .json, model: .required),
        Endpoint(.post, "/audio/transcriptions", body: .multipart, model: .required),
        Endpoint(.post, "/audio/translations", body: .multipart, model: .required),
        Endpoint(.get, "/chat/completions", objects: .lists),
        Endpoint(.get, "/chat/completions/{}", .openAIChat, objects: .uses),
        Endpoint(.post, "/chat/completions/{}", body: .json, objects: .uses),
        Endpoint(.delete, "/chat/completions/{}", objects: .deletes),
        Endpoint(.get, "/chat/completions/{}/messages", objects: .uses),
        Endpoint(.get, "/responses/{}", .openAIResponses, objects: .uses),
        Endpoint(.delete, "/responses/{}", objects: .deletes),
        Endpoint(.post, "/responses/{}/cancel", objects: .uses),
        Endpoint(.get, "/responses/{}/input_items", objects: .uses),
        Endpoint(.post, "/responses/input_tokens", body: .json, model: .optional),
        Endpoint(.post, "/responses/compact", body: .json, model: .required),
        Endpoint(.post, "/files", body: .multipart, objects: .creates),
        Endpoint(.get, "/files", objects: .lists),
        Endpoint(.get, "/files/{}", objects: .uses),
        Endpoint(.delete, "/files/{}", objects: .deletes),
        Endpoint(.get, "/files/{}/content", objects: .uses),
        Endpoint(.post, "/batches", body: .json, objects: .creates, callsAnyModel: true),
        Endpoint(.get, "/realtime", model: .required, upgrades: true),
        Endpoint(.get, "/batches", objects: .lists),
        Endpoint(.get, "/batches/{}", objects: .uses),
        Endpoint(.post, "/batches/{}/cancel", objects: .uses),
    ]

    /// What a path and a method lead to.
    enum Match {
        /// The endpoint's index in `all`, and the segment that `{}` stands for.
        case found(index: Int, object: ByteRange)
        case wrongMethod(allowed: [RequestHead.Method])
        case unknown
    }

    /// Looks up `path`, which begins behind the version segment.
    static func find(_ method: RequestHead.Method, _ path: ByteRange, _ bytes: borrowing Span<UInt8>) -> Match {
        var allowed: [RequestHead.Method] = []
        let all = Self.all
        for index in all.indices {
            guard let object = Self.match(all[index].path, path, bytes) else { continue }
            if all[index].method == method { return .found(index: index, object: object) }
            allowed.append(all[index].method)
        }
        return allowed.isEmpty ? .unknown : .wrongMethod(allowed: allowed)
    }

    private static func hasObject(_ template: StaticString) -> Bool {
        memchr(template.utf8Start, Int32(UInt8(ascii: "{")), template.utf8CodeUnitCount) != nil
    }

    /// The segment that `{}` stands for (empty when the template has none), or nil when the path does not fit.
    ///
    /// A model's name may hold slashes, so it takes all but the method behind it; any other object's id is one segment without
    /// escapes, so that nobody downstream can read it as more.
    private static func match(
        _ template: StaticString,
        _ path: ByteRange,
        _ bytes: borrowing Span<UInt8>
    ) -> ByteRange? {
        let count = template.utf8CodeUnitCount
        guard Self.hasObject(template) else {
            guard path.count == count else { return nil }
            let isEqual = bytes.withUnsafeBytes { memcmp($0.baseAddress! + path.lower, template.utf8Start, count) == 0 }
            return isEqual ? .empty : nil
        }
        if let rest = Self.behindModel(template) { return Self.matchModel(path, bytes, rest) }
        var object = ByteRange.empty
        var cursor = path.lower
        var index = 0
        while index < count {
            let expected = template.utf8Start[index]
            if expected == UInt8(ascii: "{") {
                let start = cursor
                while cursor < path.upper, bytes[cursor] != UInt8(ascii: "/") {
                    if bytes[cursor] == UInt8(ascii: "%") { return nil }
                    cursor += 1
                }
                guard cursor > start else { return nil }
                object = ByteRange(start, cursor)
                index += 2
            } else {
                guard cursor < path.upper, bytes[cursor] == expected else { return nil }
                cursor += 1
                index += 1
            }
        }
        return cursor == path.upper ? object : nil
    }

    private static let models: StaticString = "/models/"

    /// What stands behind `/models/{}` in a template that begins so, such as `:generateContent`; nil for all others.
    private static func behindModel(_ template: StaticString) -> UnsafeBufferPointer<UInt8>? {
        let count = template.utf8CodeUnitCount
        let prefix = Self.models.utf8CodeUnitCount
        guard count >= prefix + 2, memcmp(template.utf8Start, Self.models.utf8Start, prefix) == 0 else { return nil }
        return UnsafeBufferPointer(start: template.utf8Start + prefix + 2, count: count - prefix - 2)
    }

    private static func matchModel(
        _ path: ByteRange,
        _ bytes: borrowing Span<UInt8>,
        _ method: UnsafeBufferPointer<UInt8>
    ) -> ByteRange? {
        let start = path.lower + Self.models.utf8CodeUnitCount
        let end = path.upper - method.count
        guard end > start, path.beginsExactly(bytes, Self.models) else { return nil }
        for offset in 0..<method.count where bytes[end + offset] != method[offset] { return nil }
        return ByteRange(start, end)
    }
}
