import Foundation
import HTTPTypes
import Hummingbird
import JSONScan
import Logging
import NIOCore

/// Reads a request, records it, asks its endpoint, and sends the answer as the dials say.
struct SimulatorResponder: Sendable {
    let options: SimulatorOptions
    let provider: Provider
    let recorder: RequestRecorder
    private let failures = FailureSpread()

    init(_ options: SimulatorOptions) {
        self.options = options
        self.provider = Provider(options, start: UInt64(Date().timeIntervalSince1970 * 1000))
        self.recorder = RequestRecorder(capacity: options.recordedRequests, bodyBytes: options.recordedBodyBytes)
    }

    /// All routes: the providers' endpoints, what was received, and 404 for the rest.
    func router() -> Router<SimulatorContext> {
        let router = Router(context: SimulatorContext.self)
        for endpoint in Endpoint.all {
            router.on(RouterPath(endpoint.path), method: endpoint.method) { request, context in
                await self.respond(to: request, context, endpoint)
            }
        }
        router.get("/-/requests") { _, _ in self.plain(self.recorder.requests) }
        router.get("/-/count") { _, _ in self.plain(self.recorder.counts) }
        router.get("/-/healthy") { _, _ in self.plain(["status": "ok"]) }
        router.delete("/-/requests") { _, _ in
            self.recorder.reset()
            return self.plain(["status": "forgotten"])
        }
        router.add(middleware: UnknownEndpoint(responder: self))
        return router
    }

    /// Answers one request to an endpoint; never throws: what cannot be answered closes the connection.
    func respond(to request: Request, _ context: SimulatorContext, _ endpoint: Endpoint) async -> Response {
        let id = self.begin(request, endpoint)
        let patience = Patience(channel: context.channel)
        var dials = self.options.dials
        do {
            let call = try await self.read(request, context, endpoint, id)
            dials = call.dials
            let answer = self.answer(call, endpoint)
            try await Self.waitForAnswer(answer, dials, patience)
            return self.response(answer, dials, call.dialect, patience, id)
        } catch let error as APIError {
            let dialect = ProviderDialect(of: request.head, endpoint)
            return self.response(.error(error, dialect), dials, dialect, patience, id)
        } catch {
            self.recorder.end(id, .clientGone)
            return Response(status: .internalServerError)
        }
    }

    private func answer(_ call: Call, _ endpoint: Endpoint) -> Answer {
        do {
            try self.authenticate(call)
            try self.fail(call.dials)
            return try endpoint.answer(call, self.provider)
        } catch let error as APIError {
            return .error(error, call.dialect)
        } catch {
            return .error(APIError(status: 500, type: "server_error", message: "\(error)"), call.dialect)
        }
    }

    private func begin(_ request: Request, _ endpoint: Endpoint) -> Int {
        self.recorder.begin(endpoint: "\(endpoint.method) \(endpoint.path)") { id in
            var headers = request.headers.map { ($0.name.canonicalName, $0.value) }
            if let host = request.head.authority { headers.append(("host", host)) }
            return RequestRecorder.Entry(
                id: id,
                method: request.method.rawValue,
                path: request.uri.path,
                query: request.uri.query ?? "",
                headers: headers,
                receivedAt: Date().timeIntervalSince1970
            )
        }
    }

    private func read(
        _ request: Request,
        _ context: SimulatorContext,
        _ endpoint: Endpoint,
        _ id: Int
    ) async throws -> Call {
        let body: [UInt8]
        do {
            body = Array(buffer: try await request.body.collect(upTo: self.options.maximumBodyBytes))
        } catch is NIOTooManyBytesError {
            throw APIError(status: 413, type: "invalid_request_error", message: "The request body is too large.")
        }
        self.recorder.setBody(body, of: id)
        let type = request.headers[.contentType] ?? ""
        let form =
            type.lowercased().hasPrefix("multipart/form-data") ? MultipartForm(contentType: type, body: body) : nil
        let json = form == nil && !body.isEmpty ? try Self.json(body, request) : .null
        var parameters = Dictionary(context.parameters.map { (String($0.key), String($0.value)) }) { first, _ in first }
        if let model = parameters["model"] { parameters["model"] = model.removingPercentEncoding ?? model }
        let model = parameters["model"] ?? json["model"]?.string ?? form?.text("model")
        let query = request.uri.queryParameters.map { (String($0.key), String($0.value)) }
        return Call(
            head: request.head,
            dialect: ProviderDialect(of: request.head, endpoint),
            parameters: parameters,
            query: Dictionary(query) { first, _ in first },
            body: body,
            json: json,
            form: form,
            dials: try self.dials(request, model: model),
            seed: Call.seed(of: json, body: body)
        )
    }

    private static func json(_ body: [UInt8], _ request: Request) throws -> JSON {
        guard request.method != .get, request.method != .delete else { return .null }
        do {
            let json = try JSON(parsing: body)
            guard json.members != nil else { throw APIError.invalid("The body must be a JSON object.") }
            return json
        } catch let error as JSON.ParseError {
            throw APIError.invalid("We could not parse the JSON body of your request: \(error.reason).")
        }
    }

    private func dials(_ request: Request, model: String?) throws -> Dials {
        let dials = model.map { self.options.dials.overridden(byModel: $0) } ?? self.options.dials
        do {
            return try dials.overridden { name in HTTPField.Name(name).flatMap { request.headers[$0] } }
        } catch {
            throw APIError.invalid("'\(error.value)' is not a value of \(error.header).")
        }
    }

    /// Refuses a request without the credential that the options ask for.
    private func authenticate(_ call: Call) throws {
        if call.dialect == .bedrock, let credential = self.options.awsCredential {
            let signature = try AWSSignature(call)
            if let signature { return try signature.verify(call, credential, now: Date()) }
        }
        let credential = call.credential
        let isAccepted =
            switch self.options.credential {
            case .none: true
            case .any: !credential.isEmpty
            case .key(let key): credential == key
            }
        guard !isAccepted else { return }
        throw APIError.unauthenticated(call.dialect, isMissing: credential.isEmpty)
    }

    private func fail(_ dials: Dials) throws {
        guard let rate = dials.errorRate ?? dials.errorStatus.map({ _ in 1 }) else { return }
        guard self.failures.next(rate: rate) else { return }
        throw APIError.injected(status: dials.errorStatus ?? 500, retryAfter: dials.retryAfter)
    }

    private static func waitForAnswer(_ answer: Answer, _ dials: Dials, _ patience: Patience) async throws {
        if let wait = dials.timeToFirstToken { try await patience.wait(wait) }
        if answer.tokens > 1, let rate = dials.tokensPerSecond {
            try await patience.wait(.seconds(Double(answer.tokens - 1) / rate))
        }
    }

    private func plain(_ json: JSON) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: json.bytes))
        )
    }
}

/// What the simulator needs to know of a connection.
struct SimulatorContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.channel = source.channel
    }
}

/// Answers requests that no route takes, in the providers' form, and records them too.
private struct UnknownEndpoint: RouterMiddleware {
    let responder: SimulatorResponder

    func handle(
        _ request: Request,
        context: SimulatorContext,
        next: (Request, SimulatorContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            let message = "Unknown request URL: \(request.method) \(request.uri.path)."
            let dialect = ProviderDialect(ofPath: request.uri.path)
            let endpoint = Endpoint(method: request.method, path: "unknown", dialect: dialect) { _, _ in
                throw APIError.notFound(message)
            }
            return await self.responder.respond(to: request, context, endpoint)
        }
    }
}
