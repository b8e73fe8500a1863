package import GatewayModel
package import HTTPTypes
package import Hummingbird

/// Why a service refuses: stable text, equal in the answer and in the log.
package enum ServiceCode: String, Sendable, CaseIterable {
    case malformedBody = "malformed_body"
    case malformedRequest = "malformed_request"
    case invalidDocument = "invalid_document"
    case unauthenticated
    case wrongPassword = "wrong_password"
    case forbidden
    case notFound = "not_found"
    case alreadyExists = "already_exists"
    case managedByFile = "managed_by_file"
    case stillReferenced = "still_referenced"
    case changedMeanwhile = "changed_meanwhile"
    case preconditionRequired = "precondition_required"
    case bodyTooLarge = "body_too_large"
    case tooManyAttempts = "too_many_attempts"
    case overloaded
    case internalError = "internal_error"

    package var status: HTTPResponse.Status {
        switch self {
        case .malformedBody, .malformedRequest: .badRequest
        case .invalidDocument: .unprocessableContent
        case .unauthenticated, .wrongPassword: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .alreadyExists, .managedByFile, .stillReferenced: .conflict
        case .changedMeanwhile: .preconditionFailed
        case .preconditionRequired: .preconditionRequired
        case .bodyTooLarge: .contentTooLarge
        case .tooManyAttempts: .tooManyRequests
        case .overloaded: .serviceUnavailable
        case .internalError: .internalServerError
        }
    }

    package var title: String {
        switch self {
        case .malformedBody: "The body cannot be read."
        case .malformedRequest: "The request is malformed."
        case .invalidDocument: "The configuration is not valid."
        case .unauthenticated: "A bearer token is needed."
        case .wrongPassword: "The name or the password is wrong."
        case .forbidden: "Your role does not allow this."
        case .notFound: "There is no such thing."
        case .alreadyExists: "The name is taken."
        case .managedByFile: "The resource is managed by a file."
        case .stillReferenced: "Other resources still refer to it."
        case .changedMeanwhile: "It was changed by someone else meanwhile."
        case .preconditionRequired: "The change needs an If-Match header."
        case .bodyTooLarge: "The body is too large."
        case .tooManyAttempts: "There were too many failed attempts."
        case .overloaded: "The service is busy."
        case .internalError: "The service failed."
        }
    }
}

/// An answer that is no success, as RFC 9457 problem details with `code`, `path` and all `problems`.
package struct ServiceProblem: Error, Sendable, HTTPResponseError {
    package let code: ServiceCode
    /// What exactly was wrong and what to do about it.
    package let detail: String
    package let problems: [Problem]
    package let headers: HTTPFields

    package init(_ code: ServiceCode, _ detail: String, problems: [Problem] = [], headers: HTTPFields = [:]) {
        self.code = code
        self.detail = detail
        self.problems = problems
        self.headers = headers
    }

    /// What any error means to the caller; what it means to us goes to the log, not here.
    package init(_ error: any Error) {
        switch error {
        case let problem as ServiceProblem: self = problem
        case let document as DocumentProblems:
            self.init(
                .invalidDocument,
                document.problems.first?.description ?? "",
                problems: document.problems
            )
        case let syntax as DocumentSyntaxError: self.init(.malformedBody, syntax.description)
        case let error as HTTPError where error.status == .contentTooLarge:
            self.init(.bodyTooLarge, "Send a smaller body.")
        case let error as HTTPError where error.status == .notFound:
            self.init(.notFound, "See /openapi.json for what there is.")
        case let error as any HTTPResponseError where error.status.kind == .clientError:
            self.init(.malformedRequest, "The request cannot be understood.")
        default: self.init(.internalError, "The cause is in the service's log.")
        }
    }

    package var status: HTTPResponse.Status { self.code.status }

    package var document: DocumentValue {
        var object = DocumentObject([
            ("type", .string("about:blank")), ("title", .string(self.code.title)),
            ("status", .int(Int64(self.status.code))), ("code", .string(self.code.rawValue)),
            ("detail", .string(self.detail)),
        ])
        if let first = self.problems.first {
            object.set("path", .string(first.path))
            object.set("problems", .array(self.problems.map(Self.document)))
        }
        return .object(object)
    }

    private static func document(_ problem: Problem) -> DocumentValue {
        var object = DocumentObject([("path", .string(problem.path)), ("message", .string(problem.message))])
        if !problem.allowed.isEmpty { object.set("allowed", .array(problem.allowed.map { .string($0) })) }
        return .object(object)
    }

    package func response(from request: Request, context: some RequestContext) -> Response {
        var headers = self.headers
        headers[.contentType] = "application/problem+json"
        if self.status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        return Response(
            status: self.status,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: self.document.json()))
        )
    }
}
