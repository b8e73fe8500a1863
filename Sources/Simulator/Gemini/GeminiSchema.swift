// WHY: a table. The messages of `google.ai.generativelanguage.v1beta` that requests consist of (Gemini API reference, "All
// methods"), each field by its name in JSON. Names in snake case mean the same fields, as in every protobuf's JSON. A field
// that is not in here is an unknown name.

/// The form of a field's value.
indirect enum GeminiField: Sendable {
    case string, bool, int, number, bytes
    /// A name of an enumeration; numbers are accepted too.
    case name
    /// Any JSON: `Struct` and `Value`.
    case any
    case message(String)
    case list(GeminiField)
    case map(GeminiField)
}

/// The fields of each message.
enum GeminiSchema {
    static let messages: [String: [String: GeminiField]] = [
        "GenerateContentRequest": [
            "model": .string, "contents": .list(.message("Content")), "systemInstruction": .message("Content"),
            "tools": .list(.message("Tool")), "toolConfig": .message("ToolConfig"),
            "safetySettings": .list(.message("SafetySetting")), "generationConfig": .message("GenerationConfig"),
            "cachedContent": .string, "serviceTier": .name, "store": .bool, "labels": .map(.string),
        ],
        "CountTokensRequest": [
            "model": .string, "contents": .list(.message("Content")),
            "generateContentRequest": .message("GenerateContentRequest"),
        ],
        "EmbedContentRequest": [
            "model": .string, "content": .message("Content"), "taskType": .name, "title": .string,
            "outputDimensionality": .int, "embedContentConfig": .any,
        ],
        "BatchEmbedContentsRequest": ["model": .string, "requests": .list(.message("EmbedContentRequest"))],
        "Content": ["role": .string, "parts": .list(.message("Part"))],
        "Part": [
            "text": .string, "thought": .bool, "thoughtSignature": .bytes, "inlineData": .message("Blob"),
            "fileData": .message("FileData"), "functionCall": .message("FunctionCall"),
            "functionResponse": .message("FunctionResponse"), "executableCode": .message("ExecutableCode"),
            "codeExecutionResult": .message("CodeExecutionResult"), "videoMetadata": .any, "mediaResolution": .any,
            "partMetadata": .any,
        ],
        "Blob": ["mimeType": .string, "data": .bytes, "displayName": .string],
        "FileData": ["mimeType": .string, "fileUri": .string, "displayName": .string],
        "FunctionCall": ["id": .string, "name": .string, "args": .any],
        "FunctionResponse": [
            "id": .string, "name": .string, "response": .any, "willContinue": .bool, "scheduling": .name,
            "parts": .list(.message("FunctionResponsePart")),
        ],
        "FunctionResponsePart": ["inlineData": .message("Blob"), "fileData": .message("FileData")],
        "ExecutableCode": ["id": .string, "language": .name, "code": .string],
        "CodeExecutionResult": ["id": .string, "outcome": .name, "output": .string],
        "Tool": [
            "functionDeclarations": .list(.message("FunctionDeclaration")), "googleSearch": .any,
            "googleSearchRetrieval": .any, "codeExecution": .any, "urlContext": .any, "computerUse": .any,
            "fileSearch": .any, "googleMaps": .any, "mcpServers": .any,
        ],
        "FunctionDeclaration": [
            "name": .string, "description": .string, "behavior": .name, "parameters": .message("Schema"),
            "parametersJsonSchema": .any, "response": .message("Schema"), "responseJsonSchema": .any,
        ],
        "Schema": [
            "type": .name, "format": .string, "title": .string, "description": .string, "nullable": .bool,
            "enum": .list(.string), "maxItems": .int, "minItems": .int, "properties": .map(.message("Schema")),
            "required": .list(.string), "minProperties": .int, "maxProperties": .int, "minLength": .int,
            "maxLength": .int, "pattern": .string, "example": .any, "anyOf": .list(.message("Schema")),
            "propertyOrdering": .list(.string), "default": .any, "items": .message("Schema"), "minimum": .number,
            "maximum": .number,
        ],
        "ToolConfig": [
            "functionCallingConfig": .message("FunctionCallingConfig"), "retrievalConfig": .any,
            "includeServerSideToolInvocations": .bool,
        ],
        "FunctionCallingConfig": ["mode": .name, "allowedFunctionNames": .list(.string)],
        "SafetySetting": ["category": .name, "threshold": .name],
        "GenerationConfig": [
            "stopSequences": .list(.string), "responseMimeType": .string, "responseSchema": .message("Schema"),
            "responseJsonSchema": .any, "responseModalities": .list(.name), "candidateCount": .int,
            "maxOutputTokens": .int, "temperature": .number, "topP": .number, "topK": .int, "seed": .int,
            "presencePenalty": .number, "frequencyPenalty": .number, "responseLogprobs": .bool, "logprobs": .int,
            "enableEnhancedCivicAnswers": .bool, "speechConfig": .any, "thinkingConfig": .message("ThinkingConfig"),
            "imageConfig": .any, "mediaResolution": .name, "responseFormat": .any,
        ],
        "ThinkingConfig": ["includeThoughts": .bool, "thinkingBudget": .int, "thinkingLevel": .name],
    ]
}
