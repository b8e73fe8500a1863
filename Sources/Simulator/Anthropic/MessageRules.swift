import Foundation
import JSONScan

/// What a request for a message must be, in Anthropic's words: known fields and blocks, a result for every use of a tool, and
/// thoughts as they were sent.
enum MessageRules {
    private static let fields = [
        "model", "messages", "max_tokens", "system", "metadata", "stop_sequences", "stream", "temperature", "top_p",
        "top_k", "tools", "tool_choice", "thinking", "service_tier", "container", "context_management", "mcp_servers",
        "output_config", "output_format", "inference_geo", "cache_control", "speed", "compaction", "fallbacks",
        "billing_policy", "diagnostics", "thread", "user_profile_id",
    ]
    private static let images = ["image/jpeg", "image/png", "image/gif", "image/webp"]
    private static let smallestBudget = 1024

    static func check(_ json: JSON, _ messages: [JSON]) throws(APIError) {
        if let field = json.members?.first(where: { !Self.fields.contains($0.name) }) {
            throw .invalid("\(field.name): Extra inputs are not permitted")
        }
        try Self.checkThinking(json)
        for (index, message) in messages.enumerated() {
            for (place, block) in (message["content"]?.array ?? []).enumerated() {
                try Self.check(block, at: "messages.\(index).content.\(place)")
            }
        }
        try Self.checkResults(messages)
        if json["thinking"]?["type"]?.string == "enabled" { try Self.checkLastTurn(messages) }
    }

    private static func checkThinking(_ json: JSON) throws(APIError) {
        guard let thinking = json["thinking"] else { return }
        let type = thinking["type"]?.string ?? ""
        guard ["enabled", "adaptive", "disabled"].contains(type) else {
            throw .invalid(
                "thinking: Input tag '\(type)' found using 'type' does not match any of the expected tags: 'adaptive', "
                    + "'disabled', 'enabled'"
            )
        }
        guard type != "disabled" else { return }
        if type == "enabled" {
            guard let budget = thinking["budget_tokens"]?.int else {
                throw .invalid("thinking.enabled.budget_tokens: Field required")
            }
            guard budget >= Self.smallestBudget else {
                throw .invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
            }
            if let limit = json["max_tokens"]?.int, limit <= budget {
                throw .invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
            }
        }
        guard !["any", "tool"].contains(json["tool_choice"]?["type"]?.string) else {
            throw .invalid("Thinking may not be enabled when tool_choice forces tool use.")
        }
        if let temperature = json["temperature"], temperature != 1, temperature != 1.0 {
            throw .invalid("`temperature` may only be set to 1 when thinking is enabled.")
        }
    }

    private static func check(_ block: JSON, at path: String) throws(APIError) {
        switch block["type"]?.string {
        case "text" where (block["text"]?.string ?? "").isEmpty:
            throw .invalid("\(path): text content blocks must be non-empty")
        case "thinking":
            // A thought that was sent without its text comes back without it.
            let text = block["thinking"]?.string ?? ""
            let signature = block["signature"]?.string ?? ""
            guard Signature.isValid(signature, of: text) || (text.isEmpty && Signature.isOurs(signature)) else {
                throw .invalid("\(path): Invalid `signature` in `thinking` block")
            }
        case "redacted_thinking":
            guard Signature.isOurs(block["data"]?.string ?? "") else {
                throw .invalid("\(path): Invalid `data` in `redacted_thinking` block")
            }
        case "image":
            guard let source = block["source"], source["type"]?.string == "base64" else { return }
            guard Self.images.contains(source["media_type"]?.string ?? "") else {
                throw .invalid(
                    "\(path).image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or "
                        + "'image/webp'"
                )
            }
            guard Data(base64Encoded: source["data"]?.string ?? "")?.isEmpty == false else {
                throw .invalid("\(path).image.source.base64: The image was specified using invalid base64 data")
            }
        case nil: throw .invalid("\(path).type: Field required")
        default: return
        }
    }

    private static func checkResults(_ messages: [JSON]) throws(APIError) {
        var asked: [String] = []
        for (index, message) in messages.enumerated() {
            let blocks = message["content"]?.array ?? []
            let results = blocks.filter { $0["type"]?.string == "tool_result" }.map { $0["tool_use_id"]?.string ?? "" }
            if let place = blocks.firstIndex(where: { block in
                block["type"]?.string == "tool_result" && !asked.contains(block["tool_use_id"]?.string ?? "")
            }) {
                let id = blocks[place]["tool_use_id"]?.string ?? ""
                throw .invalid(
                    "messages.\(index).content.\(place): unexpected `tool_use_id` found in `tool_result` blocks: \(id). Each "
                        + "`tool_result` block must have a corresponding `tool_use` block in the previous message."
                )
            }
            let missing = asked.filter { !results.contains($0) }
            guard missing.isEmpty else { throw Self.withoutResult(missing, index - 1) }
            asked = blocks.filter { $0["type"]?.string == "tool_use" }.compactMap { $0["id"]?.string }
        }
        guard asked.isEmpty else { throw Self.withoutResult(asked, messages.count - 1) }
    }

    private static func withoutResult(_ ids: [String], _ index: Int) -> APIError {
        .invalid(
            "messages.\(index): `tool_use` ids were found without `tool_result` blocks immediately after: "
                + "\(ids.joined(separator: ", ")). Each `tool_use` block must have a corresponding `tool_result` block in "
                + "the next message."
        )
    }

    /// While tools are being used, the assistant's last message begins with its thought.
    private static func checkLastTurn(_ messages: [JSON]) throws(APIError) {
        guard let index = messages.lastIndex(where: { $0["role"]?.string == "assistant" }) else { return }
        let types = (messages[index]["content"]?.array ?? []).map { $0["type"]?.string ?? "" }
        guard types.contains("tool_use"), let first = types.first else { return }
        guard ["thinking", "redacted_thinking"].contains(first) else {
            throw .invalid(
                "messages.\(index).content.0.type: Expected `thinking` or `redacted_thinking`, but found `\(first)`. When "
                    + "`thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the "
                    + "lastmost set of `tool_use` and `tool_result` blocks). To avoid this requirement, disable `thinking`."
            )
        }
    }
}
