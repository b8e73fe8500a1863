import Dialects
import GatewayModel
import JSONScan
import NIOCore

/// A call to the client's own dialect without the proofs of thoughts that other providers made. A class for the reason that
/// `AttemptTranslation` is one.
final class CleanedCall {
    var body: ByteBuffer
    /// The places within `body`.
    let call: Call
    let losses: LossLedger

    init(body: ByteBuffer, call: Call, losses: LossLedger) {
        self.body = body
        self.call = call
        self.losses = losses
    }
}

// A body that passes as it is carries what any upstream has given its client, also another provider's proofs of thoughts: the
// next target of the model, or the next model, may be of another dialect. Those are taken out, and nothing else.
extension Exchange {
    /// Looks once per call for what must not reach an upstream of the client's own dialect.
    func clean(for upstream: CompiledUpstream, _ table: RoutingTable) throws(Refusal) {
        guard table.hasSeveralDialects, upstream.dialect != .simulator, let endpoint = self.endpoint,
            endpoint.work == .chat || endpoint.work == .count
        else { return }
        if !self.isSearchedForProofs {
            self.isSearchedForProofs = true
            let body = self.body
            guard ForeignProofs.mayStand(in: body.readableBytesUInt8Span, of: endpoint.format.dialect) else { return }
            self.cleaned = try self.cleanedCall(endpoint)
        }
        guard let losses = self.cleaned?.losses, table.routes[self.record.route].losses == .strict else { return }
        throw Refusal(.translationLoss, "In detail: \(losses.summary).")
    }

    private func cleanedCall(_ endpoint: Endpoint) throws(Refusal) -> CleanedCall? {
        var losses = LossLedger()
        let removed: [UInt8]?
        do throws(TranslationFailure) {
            removed = try ForeignProofs.removed(
                from: Array(self.body.readableBytesView),
                of: endpoint.format.dialect,
                &losses
            )
        } catch { throw Refusal(.untranslatable, Self.detail(error)) }
        guard let removed else { return nil }
        let body = ByteBuffer(bytes: removed)
        var call = self.call
        if !endpoint.namesModelInPath {
            // What is read beside the places is known already.
            var ignored = ExchangeRecord()
            call = try self.loop.callReader.read(body.readableBytesUInt8Span, into: &ignored)
        }
        return CleanedCall(body: body, call: call, losses: losses)
    }

    /// The call as an upstream of the client's own dialect gets it.
    var ownCall: Call { self.cleaned?.call ?? self.call }
    var ownBody: ByteBuffer { self.cleaned?.body ?? self.body }
}
