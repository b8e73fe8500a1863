package import GatewayModel

/// The gateway's own no: a code, and what of this request was wrong. Made only when something is refused.
package struct Refusal: Error, Sendable {
    package let code: ErrorCode
    /// One sentence about this request, without secrets; nil when the code's own message says it all.
    package let detail: String?
    /// For limits: nanoseconds until it is worth trying again.
    package let retryAfter: UInt64?
    /// For methods that the endpoint does not know: those that it does, as the `allow` header lists them.
    package let allow: String?

    package init(_ code: ErrorCode, _ detail: String? = nil, retryAfter: UInt64? = nil, allow: String? = nil) {
        self.code = code
        self.detail = detail
        self.retryAfter = retryAfter
        self.allow = allow
    }
}
