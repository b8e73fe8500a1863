import CByteScan
package import GatewayModel
import JSONScan

/// Proofs of thoughts that another provider made, in a body that goes to its own dialect as it is.
///
/// A client keeps what any upstream has given it and sends all of it to whichever is asked next: another target of the same
/// model, or another model. Where nothing is translated nothing would take them out, and the provider refuses what it has not
/// signed itself. What is marked (`Signature.carried(to:)`) is removed here, everything else keeps its place and its text.
package enum ForeignProofs {
    /// Whether there can be one: a search for the marks, less than an instruction per byte.
    package static func mayStand(in body: borrowing Span<UInt8>, of client: Dialect) -> Bool {
        let marks: [StaticString]
        switch client {
        case .anthropic: marks = ["\"gemini:", "\"openai:"]
        case .openAI, .azureOpenAI: marks = ["\"gemini:", "\"anthropic:"]
        // Base64 of `anthropic:` and `openai:`, as far as it does not depend on what follows.
        case .gemini: marks = ["\"YW50aHJvcGljO", "\"b3BlbmFpO"]
        case .bedrock, .simulator: return false
        }
        return body.withUnsafeBufferPointer { bytes in
            marks.contains {
                byte_scan_find(bytes.baseAddress, bytes.count, $0.utf8Start, $0.utf8CodeUnitCount) < bytes.count
            }
        }
    }

    /// The body of `client`'s dialect without them; nil when it holds none.
    package static func removed(
        from body: [UInt8],
        of client: Dialect,
        _ losses: inout LossLedger
    ) throws(TranslationFailure) -> [UInt8]? {
        let json: JSON
        do { json = try JSON(parsing: body) } catch {
            throw .invalid(field: "body", reason: "is not JSON: \(error.reason) at byte \(error.offset)")
        }
        let before = losses
        var cleaned = json
        switch client {
        case .anthropic: cleaned = Self.messages(json, &losses)
        case .gemini: cleaned = Self.contents(json, "", &losses)
        case .openAI, .azureOpenAI: cleaned = Self.input(Self.chat(json, &losses), &losses)
        case .bedrock, .simulator: break
        }
        return losses == before ? nil : cleaned.bytes
    }

    private static func isForeign(_ proof: JSON?, _ home: Signature.Origin) -> Bool {
        guard let text = proof?.string else { return false }
        return Signature(carried: text, home: home).origin != home
    }

    private static let why = "a proof of thoughts is good only where it was made"

    // MARK: Anthropic

    private static func messages(_ body: JSON, _ losses: inout LossLedger) -> JSON {
        body.replacing("messages", "messages") { message, field in
            guard let blocks = message["content"]?.array else { return message }
            let kept = blocks.filter { block in
                switch block["type"]?.string {
                case "thinking": !Self.isForeign(block["signature"], .anthropic)
                case "redacted_thinking": !Self.isForeign(block["data"], .anthropic)
                default: true
                }
            }
            guard kept.count < blocks.count else { return message }
            losses.dropped("\(field).thinking", Self.why)
            // The API refuses a message without content.
            return kept.isEmpty ? .none : message.setting("content", .array(kept))
        }
    }

    // MARK: OpenAI

    private static func chat(_ body: JSON, _ losses: inout LossLedger) -> JSON {
        body.replacing("messages", "messages") { message, field in
            var message = message
            if Self.isForeign(message["reasoning_signature"], .openai) {
                losses.dropped("\(field).reasoning_signature", Self.why)
                message = message.without("reasoning_signature")
            }
            return message.replacing("tool_calls", "\(field).tool_calls") { call, field in
                guard let extra = call["extra_content"], let google = extra["google"],
                    Self.isForeign(google["thought_signature"], .openai)
                else { return call }
                losses.dropped("\(field).extra_content.google.thought_signature", Self.why)
                let rest = google.without("thought_signature")
                if rest != [:] { return call.setting("extra_content", extra.setting("google", rest)) }
                let others = extra.without("google")
                return others == [:] ? call.without("extra_content") : call.setting("extra_content", others)
            }
        }
    }

    private static func input(_ body: JSON, _ losses: inout LossLedger) -> JSON {
        body.replacing("input", "input") { item, field in
            guard item["type"] == "reasoning", Self.isForeign(item["encrypted_content"], .openai) else { return item }
            losses.dropped(field, Self.why)
            return nil
        }
    }

    // MARK: Google

    private static func contents(_ body: JSON, _ path: String, _ losses: inout LossLedger) -> JSON {
        var body = body
        // What a count of tokens may wrap.
        for name in ["generateContentRequest", "generate_content_request"] {
            if let inner = body[name] { body = body.setting(name, Self.contents(inner, "\(name).", &losses)) }
        }
        return body.replacing("contents", "\(path)contents") { content, field in
            let cleaned = content.replacing("parts", "\(field).parts") { part, field in
                var part = part
                for name in ["thoughtSignature", "thought_signature"] where Self.isForeign(part[name], .gemini) {
                    losses.dropped("\(field).\(name)", Self.why)
                    if part["thought"]?.bool == true { return nil }
                    part = part.without(name)
                }
                return part
            }
            return cleaned["parts"] == [] && content["parts"] != [] ? .none : cleaned
        }
    }
}

extension JSON {
    fileprivate func without(_ name: String) -> JSON {
        self.members.map { .object($0.filter { $0.name != name }) } ?? self
    }

    /// This object with each element of the array `name` replaced, or taken out where there is nothing for it. An object
    /// there counts as an array of one, as Google's servers read it.
    fileprivate func replacing(_ name: String, _ field: String, _ replace: (JSON, String) -> JSON?) -> JSON {
        guard let value = self[name] else { return self }
        guard let elements = value.array else {
            return value.members == nil ? self : self.setting(name, replace(value, field) ?? [])
        }
        return self.setting(name, .array(elements.enumerated().compactMap { replace($1, "\(field)[\($0)]") }))
    }
}
