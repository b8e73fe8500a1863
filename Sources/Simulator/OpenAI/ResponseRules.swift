import JSONScan

/// What a request for a response must be, in OpenAI's words: known fields, results that have their calls, and thoughts as they
/// were sent.
enum ResponseRules {
    private static let fields: Set = [
        "access_programs", "background", "background_options", "client_metadata", "context_management", "conversation",
        "include", "input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation",
        "parallel_tool_calls", "previous_response_id", "prewarm", "prompt", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options",
        "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
    ]

    static func check(_ json: JSON) throws(APIError) {
        guard let field = json.members?.first(where: { !Self.fields.contains($0.name) }) else { return }
        throw .invalid("Unknown parameter: '\(field.name)'.", parameter: field.name, code: "unknown_parameter")
    }

    /// A call has its result and a result its call, and thoughts come back as they were sent.
    static func check(_ input: [JSON], continues: Bool) throws(APIError) {
        for item in input where item["type"]?.string == "reasoning" {
            guard let data = item["encrypted_content"]?.string, !Signature.isOurs(data) else { continue }
            throw .invalid(
                "The encrypted content for item \(item["id"]?.string ?? "") could not be verified. Reason: Encrypted content "
                    + "could not be decrypted or parsed.",
                code: "invalid_encrypted_content"
            )
        }
        let calls = Self.identifiers("function_call", in: input)
        let results = Self.identifiers("function_call_output", in: input)
        if !continues, let id = results.first(where: { !calls.contains($0) }) {
            throw .invalid("No tool call found for function call output with call_id \(id).", parameter: "input")
        }
        if let id = calls.first(where: { !results.contains($0) }) {
            throw .invalid("No tool output found for function call \(id).", parameter: "input")
        }
    }

    private static func identifiers(_ type: String, in input: [JSON]) -> [String] {
        input.filter { $0["type"]?.string == type }.map { $0["call_id"]?.string ?? "" }
    }
}
