package import HTTPTypes
package import Hummingbird
internal import NIOCore

/// One row of a service's table of endpoints: what it is called, whom it admits, what it reads and answers. The router,
/// the access checks and the OpenAPI document are all made from this table, so none can be forgotten.
package struct Endpoint: Sendable {
    package let method: HTTPRequest.Method
    /// With parameters in braces: `/api/v1/keys/{name}`.
    package let path: String
    package let access: Access
    /// The operation's name in the OpenAPI document.
    package let operation: String
    package let summary: String
    /// The body that the endpoint reads; nil when it reads none.
    package let body: Body?
    package let answer: Answer
    package let query: [Query]
    package let handle: @Sendable (ServiceRequest) async throws -> Response

    package struct Body: Sendable {
        /// A schema of the OpenAPI document.
        package let schema: String
        package let types: [String]
        package let limit: Int

        package init(_ schema: String, types: [String] = ["application/json"], limit: Int = 1 << 20) {
            self.schema = schema
            self.types = types
            self.limit = limit
        }
    }

    package struct Answer: Sendable {
        package let status: HTTPResponse.Status
        /// A schema of the OpenAPI document; nil when there is nothing to describe.
        package let schema: String?
        package let types: [String]

        package init(_ status: HTTPResponse.Status, _ schema: String?, types: [String] = ["application/json"]) {
            self.status = status
            self.schema = schema
            self.types = types
        }
    }

    package struct Query: Sendable {
        package let name: String
        package let summary: String

        package init(_ name: String, _ summary: String) {
            self.name = name
            self.summary = summary
        }

        package static let paging = [
            Query("limit", "At most this many entries, 1 to 1000; 100 if not given."),
            Query("after", "Continue after the entry that the previous page named as `next`."),
        ]
    }

    package init(
        _ method: HTTPRequest.Method,
        _ path: String,
        access: Access,
        operation: String,
        summary: String,
        body: Body? = nil,
        answer: Answer,
        query: [Query] = [],
        handle: @escaping @Sendable (ServiceRequest) async throws -> Response
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.operation = operation
        self.summary = summary
        self.body = body
        self.answer = answer
        self.query = query
        self.handle = handle
    }

    /// The names in braces.
    package var parameters: [String] {
        self.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }
}

/// Makes the router of a table of endpoints.
package struct EndpointRouter: Sendable {
    private let authenticator: any Authenticator

    package init(authenticator: any Authenticator) { self.authenticator = authenticator }

    package func router(_ endpoints: [Endpoint], middleware: ServiceMiddleware) -> Router<ServiceContext> {
        let router = Router(context: ServiceContext.self)
        router.add(middleware: middleware)
        for endpoint in endpoints {
            router.on(RouterPath(endpoint.path), method: endpoint.method) { request, context in
                try await self.answer(request, context, endpoint)
            }
        }
        return router
    }

    /// Nothing of the body is read before the caller is admitted.
    private func answer(_ request: Request, _ context: ServiceContext, _ endpoint: Endpoint) async throws -> Response {
        let caller = try await self.caller(request, context, endpoint.access)
        var body: [UInt8] = []
        if let limit = endpoint.body?.limit {
            if let length = request.headers[.contentLength].flatMap(Int.init), length > limit {
                throw ServiceProblem(.bodyTooLarge, "At most \(limit) bytes are read here.")
            }
            do {
                body = Array(buffer: try await request.body.collect(upTo: limit))
            } catch is NIOTooManyBytesError {
                throw ServiceProblem(.bodyTooLarge, "At most \(limit) bytes are read here.")
            }
        }
        return try await endpoint.handle(
            ServiceRequest(request: request, context: context, authenticated: caller, body: body)
        )
    }

    private func caller(_ request: Request, _ context: ServiceContext, _ access: Access) async throws -> Caller? {
        if access == .open { return nil }
        guard let token = Self.bearerToken(request) else {
            throw ServiceProblem(.unauthenticated, "Send `Authorization: Bearer TOKEN`; POST /api/v1/login gives one.")
        }
        guard let (name, role) = try await self.authenticator.holder(of: token) else {
            throw ServiceProblem(.unauthenticated, "The token is unknown or has expired; log in again.")
        }
        guard access.admits(role) else {
            throw ServiceProblem(.forbidden, "The role `\(role.rawValue)` may not do this.")
        }
        return Caller(name: name, role: role, origin: context.origin)
    }

    private static func bearerToken(_ request: Request) -> String? {
        let fields = request.headers[values: .authorization]
        guard fields.count == 1, let field = fields.first, field.count <= 512 else { return nil }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}
