// swift-format-ignore-file
// Requests stand as they are sent, one a line.

package import GatewayModel
import JSONScan

/// What a feature of a request becomes, tried out: the reference page is made of the answers, so that it cannot say
/// anything else than what the code does.
package enum TranslationProbe: String, CaseIterable, Sendable {
    case text = "text of system, user and assistant"
    case laterSystem = "instructions within the conversation"
    case tools = "tools, calls and results"
    case failedResult = "a result that says it failed"
    case forcedTool = "one tool demanded"
    case serialCalls = "one call at a time"
    case imageData = "image with its data"
    case imageURL = "image by address"
    case document = "document with its data"
    case audio = "audio with its data"
    case thinking = "how much to think"
    case schema = "answer by a JSON schema"
    case anyObject = "answer as any JSON object"
    case limits = "bound, temperature, top_p, stop"
    case topK = "top_k"
    case seed
    case penalties = "penalties"
    case choices = "several answers"
    case logprobs = "log probabilities"
    case user = "the user's id"
    case cache = "cache marks"

    package static let clients: [(name: String, format: WireFormat)] = [
        ("chat", .openAIChat), ("responses", .openAIResponses), ("messages", .anthropicMessages),
        ("gemini", .geminiGenerate),
    ]

    package static let upstreams: [Dialect] = [.openAI, .anthropic, .gemini, .bedrock]

    /// What became of the feature; nil where the client's dialect has no words for it, or nothing is translated.
    package func outcome(_ client: WireFormat, _ upstream: Dialect) -> String? {
        guard let translation = Translation(client: client, upstream: upstream),
            let body = self.body(client)
        else { return nil }
        do {
            let made = try translation.request(Array(body.utf8), model: "model", defaultMaxTokens: 4096)
            if made.losses.isEmpty { return "carried" }
            let kinds = Set(made.losses.entries.map(\.kind))
            var whys: [String] = []
            for entry in made.losses.entries where !whys.contains(entry.why) { whys.append(entry.why) }
            let why = whys.joined(separator: "; ")
            return "\(kinds.contains(.dropped) ? "lost" : "mapped"): \(why)"
        } catch {
            switch error {
            case .unsupported(_, let reason), .invalid(_, let reason), .badAnswer(let reason): return "refused: \(reason)"
            }
        }
    }

    /// A small request in the client's dialect that uses the feature.
    private func body(_ client: WireFormat) -> String? {
        switch client {
        case .openAIChat: self.chat
        case .openAIResponses: self.responses
        case .anthropicMessages: self.messages
        case .geminiGenerate, .geminiArray: self.generate
        case .openAIPlain, .geminiPlain: nil
        }
    }

    private static let schemaText = #"{"type":"object","properties":{"a":{"type":"string"}}}"#

    private var chat: String? {
        func with(_ members: String, _ content: String = "\"x\"") -> String {
            #"{"messages":[{"role":"user","content":\#(content)}]\#(members.isEmpty ? "" : ",")\#(members)}"#
        }
        let schema = Self.schemaText
        let tools = #""tools":[{"type":"function","function":{"name":"f","parameters":\#(schema)}}]"#
        let call = #"{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#
        switch self {
        case .text: return #"{"messages":[{"role":"system","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"user","content":"d"}]}"#
        case .laterSystem: return #"{"messages":[{"role":"user","content":"b"},{"role":"system","content":"a"},{"role":"user","content":"d"}]}"#
        case .tools: return #"{"messages":[{"role":"user","content":"b"},\#(call),{"role":"tool","tool_call_id":"c","content":"r"}],\#(tools)}"#
        case .failedResult: return nil
        case .forcedTool: return with(#"\#(tools),"tool_choice":{"type":"function","function":{"name":"f"}}"#)
        case .serialCalls: return with(#"\#(tools),"parallel_tool_calls":false"#)
        case .imageData: return with("", #"[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]"#)
        case .imageURL: return with("", #"[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]"#)
        case .document: return with("", #"[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AA=="}}]"#)
        case .audio: return with("", #"[{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}]"#)
        case .thinking: return with(#""reasoning_effort":"low""#)
        case .schema: return with(#""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":\#(schema)}}"#)
        case .anyObject: return with(#""response_format":{"type":"json_object"}"#)
        case .limits: return with(#""max_tokens":9,"temperature":0.5,"top_p":0.5,"stop":["s"]"#)
        case .topK: return with(#""top_k":5"#)
        case .seed: return with(#""seed":5"#)
        case .penalties: return with(#""presence_penalty":0.5,"frequency_penalty":0.5"#)
        case .choices: return with(#""n":2"#)
        case .logprobs: return with(#""logprobs":true,"top_logprobs":2"#)
        case .user: return with(#""user":"u""#)
        case .cache: return with("", #"[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]"#)
        }
    }

    private var responses: String? {
        func with(_ members: String, _ content: String = "\"x\"") -> String {
            #"{"input":[{"role":"user","content":\#(content)}]\#(members.isEmpty ? "" : ",")\#(members)}"#
        }
        let schema = Self.schemaText
        let tools = #""tools":[{"type":"function","name":"f","parameters":\#(schema)}]"#
        switch self {
        case .text: return #"{"instructions":"a","input":[{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"user","content":"d"}]}"#
        case .laterSystem: return #"{"input":[{"role":"user","content":"b"},{"role":"developer","content":"c"},{"role":"user","content":"d"}]}"#
        case .tools: return #"{"input":[{"role":"user","content":"b"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"r"}],\#(tools)}"#
        case .forcedTool: return with(#"\#(tools),"tool_choice":{"type":"function","name":"f"}"#)
        case .serialCalls: return with(#"\#(tools),"parallel_tool_calls":false"#)
        case .imageData: return with("", #"[{"type":"input_image","image_url":"data:image/png;base64,AA=="}]"#)
        case .imageURL: return with("", #"[{"type":"input_image","image_url":"https://example.com/a.png"}]"#)
        case .document: return with("", #"[{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AA=="}]"#)
        case .thinking: return with(#""reasoning":{"effort":"low"}"#)
        case .schema: return with(#""text":{"format":{"type":"json_schema","name":"n","schema":\#(schema)}}"#)
        case .anyObject: return with(#""text":{"format":{"type":"json_object"}}"#)
        case .limits: return with(#""max_output_tokens":9,"temperature":0.5,"top_p":0.5"#)
        case .logprobs: return with(#""top_logprobs":2,"include":["message.output_text.logprobs"]"#)
        case .user: return with(#""user":"u""#)
        case .failedResult, .audio, .topK, .seed, .penalties, .choices, .cache: return nil
        }
    }

    private var messages: String? {
        func with(_ members: String, _ content: String = "\"x\"") -> String {
            #"{"max_tokens":4000,"messages":[{"role":"user","content":\#(content)}]\#(members.isEmpty ? "" : ",")\#(members)}"#
        }
        let schema = Self.schemaText
        let tools = #""tools":[{"name":"f","input_schema":\#(schema)}]"#
        func results(_ more: String) -> String {
            #"{"max_tokens":9,"messages":[{"role":"user","content":"b"},{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"r"\#(more)}]}],\#(tools)}"#
        }
        switch self {
        case .text: return #"{"max_tokens":9,"system":"a","messages":[{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"user","content":"d"}]}"#
        case .tools: return results("")
        case .failedResult: return results(#","is_error":true"#)
        case .forcedTool: return with(#"\#(tools),"tool_choice":{"type":"tool","name":"f"}"#)
        case .serialCalls: return with(#"\#(tools),"tool_choice":{"type":"auto","disable_parallel_tool_use":true}"#)
        case .imageData: return with("", #"[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]"#)
        case .imageURL: return with("", #"[{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}]"#)
        case .document: return with("", #"[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA=="}}]"#)
        case .thinking: return with(#""thinking":{"type":"enabled","budget_tokens":2048}"#)
        case .schema: return with(#""output_config":{"format":{"type":"json_schema","schema":\#(schema)}}"#)
        case .limits: return with(#""temperature":0.5,"top_p":0.5,"stop_sequences":["s"]"#)
        case .topK: return with(#""top_k":5"#)
        case .user: return with(#""metadata":{"user_id":"u"}"#)
        case .cache: return with("", #"[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]"#)
        case .laterSystem, .audio, .anyObject, .seed, .penalties, .choices, .logprobs: return nil
        }
    }

    private var generate: String? {
        func with(_ members: String, _ part: String = #"{"text":"x"}"#) -> String {
            #"{"contents":[{"role":"user","parts":[\#(part)]}]\#(members.isEmpty ? "" : ",")\#(members)}"#
        }
        func config(_ members: String) -> String { with(#""generationConfig":{\#(members)}"#) }
        let schema = Self.schemaText
        let tools = #""tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":\#(schema)}]}]"#
        func results(_ response: String) -> String {
            #"{"contents":[{"parts":[{"text":"b"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},{"parts":[{"functionResponse":{"name":"f","response":\#(response)}}]}],\#(tools)}"#
        }
        switch self {
        case .text: return #"{"systemInstruction":{"parts":[{"text":"a"}]},"contents":[{"role":"user","parts":[{"text":"b"}]},{"role":"model","parts":[{"text":"c"}]},{"role":"user","parts":[{"text":"d"}]}]}"#
        case .tools: return results(#"{"result":"r"}"#)
        case .failedResult: return results(#"{"error":"r"}"#)
        case .forcedTool: return with(#"\#(tools),"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}"#)
        case .imageData: return with("", #"{"inlineData":{"mimeType":"image/png","data":"AA=="}}"#)
        case .imageURL: return with("", #"{"fileData":{"mimeType":"image/png","fileUri":"https://example.com/a.png"}}"#)
        case .document: return with("", #"{"inlineData":{"mimeType":"application/pdf","data":"AA=="}}"#)
        case .audio: return with("", #"{"inlineData":{"mimeType":"audio/wav","data":"AA=="}}"#)
        case .thinking: return config(#""maxOutputTokens":4000,"thinkingConfig":{"thinkingBudget":2048}"#)
        case .schema: return config(#""responseMimeType":"application/json","responseJsonSchema":\#(schema)"#)
        case .anyObject: return config(#""responseMimeType":"application/json""#)
        case .limits: return config(#""maxOutputTokens":9,"temperature":0.5,"topP":0.5,"stopSequences":["s"]"#)
        case .topK: return config(#""topK":5"#)
        case .seed: return config(#""seed":5"#)
        case .penalties: return config(#""presencePenalty":0.5,"frequencyPenalty":0.5"#)
        case .choices: return config(#""candidateCount":2"#)
        case .logprobs: return config(#""responseLogprobs":true,"logprobs":2"#)
        case .laterSystem, .serialCalls, .user, .cache: return nil
        }
    }
}
