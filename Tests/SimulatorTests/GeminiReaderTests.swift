import JSONScan
import Testing

@testable import Simulator

struct GeminiReaderTests {
    private func read(_ text: String) throws -> JSON {
        try GeminiReader.read(try JSON(parsing: Array(text.utf8)), as: "GenerateContentRequest")
    }

    @Test(arguments: [
        (#"{"system_instruction":{"parts":[]}}"#, #"{"systemInstruction":{"parts":[]}}"#),
        (#"{"generationConfig":{"max_output_tokens":"12"}}"#, #"{"generationConfig":{"maxOutputTokens":12}}"#),
        (#"{"contents":{"role":"user"}}"#, #"{"contents":[{"role":"user"}]}"#),
        (#"{"contents":null,"cachedContent":null}"#, "{}"),
        (
            #"{"contents":[{"parts":[{"functionCall":{"name":"a","args":{"snake_case":{"any_name":1}}}}]}]}"#,
            #"{"contents":[{"parts":[{"functionCall":{"name":"a","args":{"snake_case":{"any_name":1}}}}]}]}"#
        ),
        (
            #"{"generation_config":{"response_schema":{"properties":{"a_b":{"max_items":1}}}}}"#,
            #"{"generationConfig":{"responseSchema":{"properties":{"a_b":{"maxItems":1}}}}}"#
        ),
    ])
    func readsBothSpellings(_ text: String, _ expected: String) throws {
        #expect(try self.read(text).text == expected)
    }

    @Test(arguments: [
        (#"{"foo":1}"#, #"Invalid JSON payload received. Unknown name "foo": Cannot find field."#),
        (
            #"{"generationConfig":{"thinkingConfig":{"a":1}}}"#,
            "Invalid JSON payload received. Unknown name \"a\" at 'generation_config.thinking_config': Cannot find field."
        ),
        (
            #"{"contents":[{},{"parts":[{"txt":1}]}]}"#,
            "Invalid JSON payload received. Unknown name \"txt\" at 'contents[1].parts[0]': Cannot find field."
        ),
        (#"{"model":1}"#, "Invalid value at 'model' (TYPE_STRING), 1"),
        (#"{"generationConfig":{"topK":1.5}}"#, "Invalid value at 'generation_config.top_k' (TYPE_INT32), 1.5"),
        (
            #"{"toolConfig":[]}"#,
            "Invalid value at 'tool_config' (type.googleapis.com/ToolConfig), []"
        ),
    ])
    func refusesWhatTheMessageHasNot(_ text: String, _ message: String) throws {
        let error = try #require(throws: APIError.self) { try self.read(text) }
        #expect(error.message == message)
        #expect(error.status == 400)
    }

    @Test
    func tellsEveryViolation() throws {
        let error = try #require(throws: APIError.self) { try self.read(#"{"a":1,"b":2}"#) }
        #expect(error.message.split(separator: "\n").count == 2)
        #expect(error.details.first?["fieldViolations"]?.array?.count == 2)
    }
}
