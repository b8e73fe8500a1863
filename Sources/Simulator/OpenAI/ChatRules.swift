import Foundation
import JSONScan

/// What a chat completion's request must be, in OpenAI's words: known fields and parts, images that can be read, and a result for
/// every call of a tool.
enum ChatRules {
    private static let parts = ["text", "image_url", "input_audio", "refusal", "audio", "file"]
    private static let images = ["png", "jpeg", "jpg", "gif", "webp"]

    private static let fields: Set = [
        "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
        "max_tokens", "messages", "metadata", "modalities", "model", "moderation", "n", "parallel_tool_calls",
        "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
        "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream",
        "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity",
        "web_search_options",
    ]

    static func check(_ json: JSON, _ messages: [JSON]) throws(APIError) {
        if let field = json.members?.first(where: { !Self.fields.contains($0.name) }) {
            throw .invalid("Unrecognized request argument supplied: \(field.name)")
        }
        for (index, message) in messages.enumerated() {
            for (place, part) in (message["content"]?.array ?? []).enumerated() {
                try Self.check(part, at: "messages[\(index)].content[\(place)]")
            }
        }
        try Self.checkResults(messages)
        guard let count = json["top_logprobs"]?.int else { return }
        guard json["logprobs"]?.bool == true else {
            throw .invalid("logprobs must be set to true if top_logprobs parameter is used.", parameter: "top_logprobs")
        }
        guard (0...TokenOdds.maximumAlternatives).contains(count) else {
            throw .invalid(
                "Invalid value for 'top_logprobs': must be less than or equal to 20.",
                parameter: "top_logprobs"
            )
        }
    }

    private static func check(_ part: JSON, at path: String) throws(APIError) {
        let type = part["type"]?.string ?? ""
        guard Self.parts.contains(type) else {
            let known = Self.parts.map { "'\($0)'" }.joined(separator: ", ")
            throw .invalid(
                "Invalid value: '\(type)'. Supported values are: \(known).",
                parameter: path,
                code: "invalid_value"
            )
        }
        guard type == "image_url" else { return }
        guard let url = part["image_url"]?["url"]?.string else {
            throw .invalid(
                "Missing required parameter: '\(path).image_url.url'.",
                parameter: "\(path).image_url.url",
                code: "missing_required_parameter"
            )
        }
        guard url.hasPrefix("data:") else { return }
        let halves = url.dropFirst(5).split(separator: ",", maxSplits: 1)
        guard halves.count == 2, Self.images.contains(where: { halves[0] == "image/\($0);base64" }),
            Data(base64Encoded: String(halves[1]))?.isEmpty == false
        else {
            throw .invalid(
                "You uploaded an unsupported image. Please make sure your image has of one the following formats: "
                    + "['png', 'jpeg', 'gif', 'webp'].",
                code: "invalid_image_format"
            )
        }
    }

    private static func checkResults(_ messages: [JSON]) throws(APIError) {
        var asked: [String] = []
        var open: [String] = []
        for (index, message) in messages.enumerated() {
            if message["role"]?.string == "tool" {
                let id = message["tool_call_id"]?.string ?? ""
                guard asked.contains(id) else {
                    throw .invalid(
                        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                            + "'tool_calls'.",
                        parameter: "messages.[\(index)].role"
                    )
                }
                open.removeAll { $0 == id }
            } else {
                try Self.checkNone(open, index)
                asked = (message["tool_calls"]?.array ?? []).compactMap { $0["id"]?.string }
                open = asked
            }
        }
        try Self.checkNone(open, messages.count)
    }

    private static func checkNone(_ open: [String], _ index: Int) throws(APIError) {
        guard !open.isEmpty else { return }
        throw .invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
                + "The following tool_call_ids did not have response messages: \(open.joined(separator: ", "))",
            parameter: "messages.[\(index)].role"
        )
    }
}
