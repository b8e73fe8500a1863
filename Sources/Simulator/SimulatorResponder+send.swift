import HTTPTypes
import Hummingbird
import NIOCore

extension SimulatorResponder {
    /// The answer as a response whose body passes through the dials.
    func response(
        _ answer: Answer,
        _ dials: Dials,
        _ dialect: ProviderDialect,
        _ patience: Patience,
        _ id: Int
    ) -> Response {
        self.recorder.setStatus(answer.status.code, of: id)
        var headers = answer.headers
        for name in dialect.requestIDHeaders { headers[name] = "req_\(id)" }
        if dials.gzip { headers[.contentEncoding] = "gzip" }
        return Response(status: answer.status, headers: headers, body: self.body(answer, dials, dialect, patience, id))
    }

    private func body(
        _ answer: Answer,
        _ dials: Dials,
        _ dialect: ProviderDialect,
        _ patience: Patience,
        _ id: Int
    ) -> ResponseBody {
        if case .whole(let bytes) = answer.body, !dials.touchesBody {
            // One write for head and body; the record ends before the bytes leave, so that whoever has the answer can
            // rely on the count.
            self.recorder.end(id, .complete)
            return .init(byteBuffer: ByteBuffer(bytes: bytes))
        }
        let length: Int? = if case .whole(let bytes) = answer.body, !dials.gzip { bytes.count } else { nil }
        let recorder = self.recorder
        return .init(contentLength: length) { writer in
            let outlet = Outlet(writer, dials: dials, patience: patience)
            do {
                switch answer.body {
                case .whole(let bytes): try await outlet.write(bytes)
                case .events(let produce): try await Self.produce(produce, dialect, to: outlet)
                }
                recorder.end(id, .complete)
                try await outlet.finish()
            } catch {
                recorder.end(id, error is AnswerCut ? .cut : .clientGone)
                throw error
            }
        }
    }

    /// Sends the events of a stream; where the dials end it, an error event in the form of the dialect comes last.
    private static func produce(
        _ events: @Sendable (Outlet) async throws -> Void,
        _ dialect: ProviderDialect,
        to outlet: Outlet
    ) async throws {
        do {
            try await events(outlet)
        } catch let fault as StreamFault {
            try await outlet.write(fault.error.event(dialect, isFirst: outlet.isEmpty))
        }
    }
}

extension Dials {
    /// Whether a whole body cannot be sent in one write.
    fileprivate var touchesBody: Bool {
        self.gzip || self.cutAfter != nil || self.stallAfter != nil || self.malformedAt != nil
    }
}
