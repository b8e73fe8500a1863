import JSONScan
import Testing

@testable import Simulator

struct GenerationTests {
    private func generation(_ limit: Int? = nil, stop: [String] = [], fixed: String? = nil) -> Generation {
        var dials = Dials()
        dials.outputTokens = 10
        return Generation(Prompt(outputLimit: limit, stop: stop, fixedText: fixed), seed: 1, dials: dials)
    }

    @Test
    func endsByItself() {
        let generation = self.generation()
        #expect(generation.finish == .complete)
        #expect(generation.tokens == 10)
        #expect(Text.tokens(in: generation.text) == 10)
    }

    @Test(arguments: [(10, Generation.Finish.complete, 10), (9, .length, 9), (1, .length, 1), (0, .length, 0)])
    func respectsTheLimit(_ limit: Int, _ finish: Generation.Finish, _ tokens: Int) {
        let generation = self.generation(limit)
        #expect(generation.finish == finish)
        #expect(generation.tokens == tokens)
    }

    @Test
    func stopsBeforeASequence() throws {
        let whole = self.generation().text
        let word = try #require(whole.split(separator: " ").dropFirst(3).first).description
        let stopped = self.generation(stop: ["nowhere", word])
        #expect(stopped.finish == .stopSequence(word))
        #expect(whole.hasPrefix(stopped.text + word))
        #expect(!stopped.text.contains(word))
    }

    @Test
    func aPrescribedTextIsTheAnswer() {
        #expect(self.generation(fixed: #"{"a": "b"}"#).text == #"{"a": "b"}"#)
    }

    @Test
    func toolArgumentsFitTheirSchema() throws {
        let schema = try JSON(
            parsing: Array(
                #"{"type":"object","properties":{"city":{"type":"string"},"unit":{"enum":["c"]},"n":{"type":"integer"}}}"#
                    .utf8
            )
        )
        let choice = ToolChoice(tools: [Tool(name: "weather", schema: schema)], mode: .required)
        let call = try #require(choice.calls(seed: 5, idPrefix: "call_").first)
        let arguments = try JSON(parsing: Array(call.arguments.utf8))
        #expect(arguments["city"]?.string != nil)
        #expect(arguments["unit"] == "c")
        #expect(arguments["n"]?.int != nil)
        #expect(call.argumentPieces.joined() == call.arguments)
    }

    @Test
    func callsToolsThatTheUserNames() {
        var choice = ToolChoice(tools: [Tool(name: "a", schema: [:]), Tool(name: "b", schema: [:])])
        #expect(choice.calls(seed: 1, idPrefix: "").isEmpty)
        choice.lastUserText = "call tool b, call tool a and call tool c"
        #expect(choice.calls(seed: 1, idPrefix: "").map(\.name) == ["b", "a"])
        choice.allowsParallel = false
        #expect(choice.calls(seed: 1, idPrefix: "").map(\.name) == ["b"])
        choice.mode = .named("a")
        #expect(choice.calls(seed: 1, idPrefix: "").map(\.name) == ["a"])
        choice.endsWithToolResult = true
        #expect(choice.calls(seed: 1, idPrefix: "").isEmpty)
    }

    @Test
    func argumentsMayFollowAName() {
        var choice = ToolChoice(tools: [Tool(name: "a", schema: [:]), Tool(name: "b", schema: [:])])
        choice.lastUserText = #"call tool a {"x": "}{ \" y", "z": {}} and call tool b {"open": 1"#
        #expect(choice.calls(seed: 1, idPrefix: "").map(\.arguments) == [#"{"x":"}{ \" y","z":{}}"#, "{}"])
    }

    @Test
    func aScriptIsFollowedWhereNothingElseIsAsked() {
        var choice = ToolChoice(tools: [Tool(name: "a", schema: [:]), Tool(name: "b", schema: [:])])
        #expect(choice.calls(seed: 1, idPrefix: "", script: "b").map(\.name) == ["b"])
        #expect(choice.calls(seed: 1, idPrefix: "", script: "c").isEmpty)
        choice.mode = .required
        #expect(choice.calls(seed: 1, idPrefix: "", script: "b").map(\.name) == ["b"])
        #expect(choice.calls(seed: 1, idPrefix: "", script: "c").map(\.name) == ["a"])
        choice.mode = .none
        #expect(choice.calls(seed: 1, idPrefix: "", script: "b").isEmpty)
        choice.mode = .auto
        choice.endsWithToolResult = true
        #expect(choice.calls(seed: 1, idPrefix: "", script: "b").isEmpty)
    }

    @Test
    func thoughtsCountAgainstTheLimit() {
        var dials = Dials()
        dials.thoughtTokens = 4
        dials.outputTokens = 10
        let tools = ToolChoice(tools: [])
        let cut = Generation(Prompt(outputLimit: 6), tools, idPrefix: "", seed: 1, dials: dials)
        #expect(cut.thoughtTokens == 4)
        #expect(cut.answerTokens == 2)
        #expect(cut.tokens == 6)
        #expect(cut.finish == .length)
        let short = Generation(Prompt(outputLimit: 3), tools, idPrefix: "", seed: 1, dials: dials)
        #expect(short.tokens == 3)
        #expect(short.text.isEmpty)
        dials.refuses = true
        #expect(Generation(Prompt(), tools, idPrefix: "", seed: 1, dials: dials).finish == .refusal)
    }

    @Test
    func signaturesFindWhatWasAltered() {
        let signature = Signature.sign("one two")
        #expect(Signature.isValid(signature, of: "one two"))
        #expect(!Signature.isValid(signature, of: "one  two"))
        #expect(Signature.isOurs(signature))
        #expect(!Signature.isOurs(String(signature.dropLast(6)) + "AAAAAA"))
        #expect(!Signature.isOurs("b3RoZXI="))
        #expect(!Signature.isOurs(""))
    }
}
