package import HTTPTypes
package import Hummingbird
package import Logging

/// What surrounds every request of a service: errors become problem details, answers get the headers that keep a
/// browser from guessing, and one line goes to the log.
package struct ServiceMiddleware: RouterMiddleware {
    package typealias Context = ServiceContext

    /// Called once per request with what metrics need; the path is the endpoint's, never the caller's text.
    private let observe: @Sendable (HTTPRequest.Method, String, Int) -> Void
    private let logger: Logger

    package init(
        logger: Logger,
        observe: @escaping @Sendable (HTTPRequest.Method, String, Int) -> Void = { _, _, _ in }
    ) {
        self.logger = logger
        self.observe = observe
    }

    package func handle(
        _ request: Request,
        context: ServiceContext,
        next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var response: Response
        var code: String?
        do {
            response = try await next(request, context)
        } catch {
            let problem = ServiceProblem(error)
            if problem.code == .internalError { self.log(error, request, context) }
            code = problem.code.rawValue
            response = problem.response(from: request, context: context)
        }
        Self.harden(&response)
        let path = context.endpointPath ?? "unknown"
        self.observe(request.method, path, response.status.code)
        self.logger.info(
            "request",
            metadata: [
                "gateway.method": "\(request.method.rawValue)", "gateway.path": "\(path)",
                "gateway.status": "\(response.status.code)", "gateway.code": "\(code ?? "")",
                "gateway.origin": "\(context.origin)", "gateway.duration": "\(start.duration(to: .now))",
            ]
        )
        return response
    }

    private func log(_ error: any Error, _ request: Request, _ context: ServiceContext) {
        self.logger.error(
            "request failed",
            metadata: [
                "gateway.method": "\(request.method.rawValue)", "gateway.path": "\(context.endpointPath ?? "unknown")",
                "gateway.cause": "\(String(describing: error).prefix(512))",
            ]
        )
    }

    private static func harden(_ response: inout Response) {
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        if let name = HTTPField.Name("referrer-policy") { response.headers[name] = "no-referrer" }
    }
}
