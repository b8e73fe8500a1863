// WHY: a table of more than 200 lines; one place lists every code with its status, fault, meaning and remedy.

/// Every reason for which an exchange does not end `complete`: stable text, equal in the JSON error, the log and the
/// metric label. `docs/reference/errors.md` is generated from this list.
package enum ErrorCode: String, Sendable, CaseIterable, Error {
    // The bytes
    case malformedRequest = "malformed_request"
    case headTooLarge = "head_too_large"
    case unsupportedVersion = "unsupported_http_version"
    case unsupportedExpectation = "unsupported_expectation"
    case bodyTooLarge = "body_too_large"
    case unsupportedEncoding = "unsupported_encoding"
    case invalidEncoding = "invalid_encoding"
    case upgradeRequired = "upgrade_required"
    case unsupportedMediaType = "unsupported_media_type"
    case requestTimeout = "request_timeout"
    // The call
    case unknownEndpoint = "unknown_endpoint"
    case methodNotAllowed = "method_not_allowed"
    case invalidJSON = "invalid_json"
    case ambiguousJSON = "ambiguous_json"
    case invalidMultipart = "invalid_multipart"
    case missingModel = "missing_model"
    case modelNotFound = "model_not_found"
    case dialectMismatch = "dialect_mismatch"
    case untranslatable = "untranslatable"
    case translationLoss = "translation_loss"
    case objectNotFound = "object_not_found"
    // The caller
    case missingKey = "missing_key"
    case invalidKey = "invalid_key"
    case expiredKey = "expired_key"
    case conflictingCredentials = "conflicting_credentials"
    case namespaceMismatch = "namespace_mismatch"
    case modelNotAllowed = "model_not_allowed"
    // The policies
    case rateLimited = "rate_limited"
    // The gateway
    case notReady = "not_ready"
    case overloaded
    case draining
    case spoolFull = "spool_full"
    case journalFull = "journal_full"
    case internalError = "internal_error"
    // The upstream
    case upstreamUnreachable = "upstream_unreachable"
    case upstreamTLS = "upstream_tls"
    case upstreamBroken = "upstream_broken"
    case upstreamTimeout = "upstream_timeout"
    case upstreamSaturated = "upstream_saturated"
    case upstreamCredentialsExhausted = "upstream_credentials_exhausted"
    case upstreamRejected = "upstream_rejected"
    case upstreamFailed = "upstream_failed"
    case upstreamCut = "upstream_cut"
    case upstreamStalled = "upstream_stalled"
    case totalTimeout = "total_timeout"
    // The client's end
    case clientGone = "client_gone"
    case clientStalled = "client_stalled"
    case sessionIdle = "session_idle"

    /// What `docs/reference/errors.md` and the answer to the client say about a code.
    package struct Entry: Sendable {
        /// The HTTP status of the answer; 499 where no answer can be sent any more.
        package let status: Int
        package let fault: Fault
        /// What was wrong, for a person.
        package let message: String
        /// What to do about it.
        package let hint: String

        init(_ status: Int, _ fault: Fault, _ message: String, _ hint: String) {
            self.status = status
            self.fault = fault
            self.message = message
            self.hint = hint
        }
    }

    package var status: Int { self.entry.status }
    package var fault: Fault { self.entry.fault }

    package var entry: Entry {
        switch self {
        case .malformedRequest:
            Entry(400, .client, "The HTTP request is malformed or ambiguous.", "Send a request that RFC 9112 allows.")
        case .headTooLarge:
            Entry(431, .client, "The request line and headers are too large.", "Send fewer or shorter headers.")
        case .unsupportedVersion:
            Entry(505, .client, "This HTTP version is not supported.", "Use HTTP/1.1.")
        case .unsupportedExpectation:
            Entry(417, .client, "The Expect header asks for something unknown.", "Send `100-continue` or nothing.")
        case .bodyTooLarge:
            Entry(413, .client, "The request body is too large.", "Send a smaller body, or ask for a higher limit.")
        case .unsupportedEncoding:
            Entry(
                415,
                .client,
                "The content encoding of the body is not supported.",
                "Send JSON plain or as gzip, deflate, br or zstd; send forms plain."
            )
        case .invalidEncoding:
            Entry(400, .client, "The body cannot be decompressed.", "Send what `content-encoding` says, and all of it.")
        case .upgradeRequired:
            Entry(
                426,
                .client,
                "The endpoint is a WebSocket.",
                "Open a WebSocket over HTTP/1.1 (RFC 6455, version 13)."
            )
        case .unsupportedMediaType:
            Entry(
                415,
                .client,
                "The content type is not one this endpoint reads.",
                "Send application/json, or multipart/form-data where the endpoint takes files."
            )
        case .requestTimeout:
            Entry(408, .client, "The request did not arrive in time.", "Send the whole request without long pauses.")
        case .unknownEndpoint:
            Entry(404, .client, "There is no such endpoint.", "See the list of endpoints in the documentation.")
        case .methodNotAllowed:
            Entry(405, .client, "The endpoint does not know this method.", "Use a method from the `allow` header.")
        case .invalidJSON:
            Entry(400, .client, "The body is not valid JSON.", "Send one JSON object.")
        case .ambiguousJSON:
            Entry(
                400,
                .client,
                "The body names a decisive field twice, or spells it with escapes.",
                "Write `model`, `stream` and `stream_options` once, without escapes."
            )
        case .invalidMultipart:
            Entry(400, .client, "The multipart body cannot be read.", "Send well-formed multipart/form-data.")
        case .missingModel:
            Entry(400, .client, "The body names no model.", "Set `model` to a name from GET /v1/models.")
        case .modelNotFound:
            Entry(404, .client, "No such model is configured.", "Choose a name from GET /v1/models.")
        case .dialectMismatch:
            Entry(
                400,
                .client,
                "The model is served by an upstream of another dialect.",
                "Call the model through the endpoint of its upstream's dialect."
            )
        case .untranslatable:
            Entry(
                400,
                .client,
                "The call cannot be put into the words of the upstream that serves its model.",
                "See the field that is named, and docs/reference/dialects.md for what each pair of dialects can carry."
            )
        case .translationLoss:
            Entry(
                400,
                .client,
                "The upstream that serves this model cannot be told everything that the call says.",
                "Leave the fields out that are named, or set `losses: warn` on the route."
            )
        case .objectNotFound:
            Entry(404, .client, "There is no such object.", "Use the id of an object that this namespace created.")
        case .missingKey:
            Entry(401, .client, "The request has no key.", "Send `Authorization: Bearer KEY` or `x-api-key: KEY`.")
        case .invalidKey:
            Entry(401, .client, "The key is not known.", "Check the key, or ask the platform team for one.")
        case .expiredKey:
            Entry(401, .client, "The key has expired.", "Ask the platform team for a new key.")
        case .conflictingCredentials:
            Entry(400, .client, "The request carries different credentials.", "Send one key, in one header.")
        case .namespaceMismatch:
            Entry(
                403,
                .client,
                "The key belongs to another namespace than the address or header says.",
                "Use the key of this namespace, or the address of the key's."
            )
        case .modelNotAllowed:
            Entry(403, .policy, "The key may not call this model.", "Choose a name from GET /v1/models.")
        case .rateLimited:
            Entry(429, .policy, "The rate limit is reached.", "Wait for the time in `retry-after`, then try again.")
        case .notReady:
            Entry(503, .gateway, "The gateway has no configuration yet.", "Try again shortly.")
        case .overloaded:
            Entry(503, .gateway, "The gateway has as much to do as it may.", "Wait for the time in `retry-after`.")
        case .draining:
            Entry(503, .gateway, "The gateway is shutting down.", "Try again; another gateway will answer.")
        case .spoolFull:
            Entry(
                503,
                .gateway,
                "There is no room to hold an upload until it can be passed on.",
                "Try again shortly; an upload whose `model` comes before its file needs no room."
            )
        case .journalFull:
            Entry(
                503,
                .gateway,
                "Usage cannot be recorded, and the gateway is told not to serve then.",
                "Try again later."
            )
        case .internalError:
            Entry(503, .gateway, "The gateway failed.", "Try again; report the request id if it persists.")
        case .upstreamUnreachable:
            Entry(502, .upstream, "The upstream cannot be reached.", "Try again; the platform team sees the cause.")
        case .upstreamTLS:
            Entry(502, .upstream, "The upstream's certificate or TLS is not acceptable.", "Tell the platform team.")
        case .upstreamBroken:
            Entry(502, .upstream, "The upstream broke the connection or answered with garbage.", "Try again.")
        case .upstreamTimeout:
            Entry(504, .upstream, "The upstream did not answer in time.", "Try again, or ask for less.")
        case .upstreamSaturated:
            Entry(
                503,
                .upstream,
                "All upstreams of this model are at their limit.",
                "Wait for `retry-after`, then retry."
            )
        case .upstreamCredentialsExhausted:
            Entry(
                502,
                .upstream,
                "The upstream refused the gateway's credential.",
                "Your own key is fine; the platform team must renew the provider's."
            )
        case .upstreamRejected:
            Entry(
                400,
                .client,
                "The upstream refused the request; its answer was passed on.",
                "See the upstream's message."
            )
        case .upstreamFailed:
            Entry(502, .upstream, "The upstream failed; its answer was passed on.", "Try again.")
        case .upstreamCut:
            Entry(502, .upstream, "The upstream broke off its answer.", "Try again; the answer is incomplete.")
        case .upstreamStalled:
            Entry(504, .upstream, "The upstream stopped sending in the middle of its answer.", "Try again.")
        case .totalTimeout:
            Entry(504, .upstream, "The exchange took longer than its total limit.", "Ask for less, or a longer limit.")
        case .clientGone:
            Entry(499, .client, "The client went away before the answer was complete.", "Nothing to do.")
        case .sessionIdle:
            Entry(499, .client, "Neither side of the session said anything for too long.", "Send something, or pings.")
        case .clientStalled:
            Entry(499, .client, "The client stopped reading its answer.", "Read the answer without long pauses.")
        }
    }
}
