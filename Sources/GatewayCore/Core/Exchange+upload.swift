import Dialects
import GatewayModel
import HTTPWire
import NIOCore

/// How far a body has come that is passed on while it comes. What it says of a body that is read as a whole: it is here,
/// and can be sent again.
package struct UploadState: Sendable {
    /// How the upstream finds the body's end.
    package enum Framing: Sendable { case length(Int), chunked }

    /// The client is still sending it.
    package var isComing = false
    /// The upstream has not been sent all of it.
    package var isLeaving = false
    /// False once bytes that nobody keeps have been sent.
    package var isReplayable = true
    /// Nil when the body is sent with the head.
    package var framing: Framing?
}

// Calls whose body is a form. Of a form only `model` decides anything, so the call is decided as soon as that is known.
extension Exchange {
    /// What this request's body may have.
    var maximumBodyBytes: Int {
        self.endpoint?.body == .multipart ? self.loop.options.maximumUploadBytes : self.loop.options.maximumBodyBytes
    }

    /// How the body is compressed: once, and only where it is JSON.
    func readEncoding(_ endpoint: Endpoint, _ bytes: borrowing Span<UInt8>) throws(Refusal) {
        let facts = self.request.facts
        if facts.encodings == 1, facts.contentEncoding.equals(bytes, "identity") { return }
        guard endpoint.body == .json, facts.encodings == 1, let coding = ContentCoding(bytes, facts.contentEncoding)
        else { throw Refusal(.unsupportedEncoding) }
        self.coding = coding
    }

    /// A reader for the form that the head announces.
    package func makeFormReader() throws(Refusal) -> MultipartReader {
        let head = self.head
        let bytes = head.readableBytesUInt8Span
        var types = 0
        var boundary: [UInt8]?
        for field in self.request.fields where field.known == .contentType {
            types += 1
            boundary = MultipartReader.boundary(field.value, bytes)
        }
        guard types == 1, let boundary else {
            throw Refusal(.unsupportedMediaType, "This endpoint takes multipart/form-data with a boundary.")
        }
        return MultipartReader(boundary: boundary)
    }

    /// Reads a form that has come whole.
    func readForm(_ body: ByteBuffer) throws(Refusal) {
        var form = try self.makeFormReader()
        try form.take(body.readableBytesUInt8Span)
        try form.finish()
        self.take(form)
    }

    private func take(_ form: MultipartReader) {
        guard let range = form.modelRange else { return }
        self.call.modelRange = range
        self.record.modelAsked.set(form.model)
    }

    /// Whether a call can be decided with what `form` has shown.
    package func isDecidable(with form: MultipartReader) -> Bool {
        form.modelRange != nil || self.endpoint?.model == Endpoint.ModelUse.none
    }

    /// Decides about a call whose form is still coming. `length` is the form's, when it is known; `received` of it are here.
    package func admitUpload(_ form: MultipartReader, length: Int?, received: Int) throws(Refusal) {
        guard let table = self.table, let endpoint = self.endpoint else { throw Refusal(.internalError) }
        self.record.requestBytes = UInt64(length ?? received)
        self.upload.framing = length.map { .length($0) } ?? .chunked
        self.upload.isLeaving = true
        self.take(form)
        try self.decide(endpoint, table)
    }

    /// The change that makes the form name the served model, for the attempt whose request has been written last.
    package var uploadSplice: (range: Range<Int>, replacement: [UInt8])? {
        self.splices.first.map { ($0.range, $0.replacement) }
    }

    /// The client has sent `bytes` of its body so far.
    package func noteUploaded(_ bytes: Int) { self.record.requestBytes = UInt64(bytes) }

    /// An upload could not be held.
    package func countSpoolRefusal() { self.loop.metrics.spoolRefusals += 1 }

    /// The framing of a request whose body follows by itself.
    func writeFraming(_ framing: UploadState.Framing, into out: inout ByteWriter) {
        switch framing {
        case .length(let length):
            out.write("content-length: ")
            out.write(self.splices.reduce(length) { $0 + $1.replacement.count - $1.range.count })
            out.write("\r\n")
        case .chunked: out.write("transfer-encoding: chunked\r\n")
        }
    }
}
