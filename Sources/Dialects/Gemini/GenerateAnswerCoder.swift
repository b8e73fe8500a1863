import JSONScan

/// Google's `GenerateContentResponse` (ai.google.dev/api/generate-content#generatecontentresponse).
///
/// | here | neutral |
/// |---|---|
/// | `STOP` | end of turn, stop sequence, tool use, pause |
/// | `MAX_TOKENS` | bound reached, context full |
/// | `SAFETY`, `RECITATION`, `BLOCKLIST`, `PROHIBITED_CONTENT`, `SPII`, `LANGUAGE`, `IMAGE_…`, all others | filter, refusal |
/// | `MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL`, `TOO_MANY_TOOL_CALLS`, `MALFORMED_RESPONSE` | malformed call |
enum GenerateAnswerCoder {
    // MARK: Reading

    static func decode(_ body: JSON, _ context: AnswerContext) throws(TranslationFailure) -> ChatAnswer {
        var answer = ChatAnswer()
        answer.id = body["responseId"]?.string
        answer.model = body["modelVersion"]?.string
        answer.usage = body["usageMetadata"].map(AnswerUsage.init(gemini:))
        var calls = 0
        for candidate in body["candidates"]?.array ?? [] {
            answer.choices.append(self.choice(candidate, context, &calls, &answer.losses))
        }
        if answer.choices.isEmpty {
            guard body["promptFeedback"]?["blockReason"] != nil else {
                throw .badAnswer(reason: "it has no `candidates`")
            }
            answer.choices = [ChatAnswer.Choice(stop: Stop(.contentFilter))]
        }
        return answer
    }

    private static func choice(
        _ candidate: JSON,
        _ context: AnswerContext,
        _ calls: inout Int,
        _ losses: inout LossLedger
    ) -> ChatAnswer.Choice {
        var choice = ChatAnswer.Choice()
        var hasCalls = false
        for part in candidate["content"]?["parts"]?.array ?? [] {
            let signature = part["thoughtSignature"]?.string.map { Signature(origin: .gemini, text: $0) }
            if let text = part["text"]?.string {
                if part["thought"]?.bool == true {
                    choice.parts.append(Part(.thinking(Thinking(text: text, signature: signature))))
                } else if !text.isEmpty {
                    choice.parts.append(.text(text))
                }
            } else if let call = part["functionCall"], let name = call["name"]?.string {
                hasCalls = true
                let id = self.id(call, context, &calls)
                let arguments = (call["args"] ?? [:]).text
                choice.parts.append(
                    Part(.toolCall(ToolCall(id: id, name: name, arguments: arguments, signature: signature)))
                )
            } else if let field = self.unknown(part) {
                losses.dropped(field, AnswerLoss.part)
            }
        }
        if let word = candidate["finishReason"]?.string, !self.knows(word) {
            losses.dropped("candidates.finishReason", AnswerLoss.reason)
        }
        choice.stop = Stop(self.stopReason(candidate["finishReason"]?.string, hasCalls: hasCalls))
        choice.logprobs = self.logprobs(candidate["logprobsResult"])
        return choice
    }

    /// Older models give no ids: one is made that no other answer has.
    static func id(_ call: JSON, _ context: AnswerContext, _ calls: inout Int) -> String {
        defer { calls += 1 }
        return call["id"]?.string ?? "call_\(context.id)_\(calls)"
    }

    /// Where a part stands that is neither text nor a call: an image, code, what became of it.
    static func unknown(_ part: JSON) -> String? {
        let name = part.members?.first { !["thought", "thoughtSignature", "text"].contains($0.name) }?.name
        return name.map { "candidates.content.parts.\($0)" }
    }

    /// The reasons that say how an answer ended (ai.google.dev/api/generate-content#FinishReason). One that is not here
    /// is none of a normal end.
    private static let reasons: [String: StopReason] = [
        "STOP": .endTurn, "FINISH_REASON_UNSPECIFIED": .endTurn, "": .endTurn, "MAX_TOKENS": .maxTokens,
        "SAFETY": .contentFilter, "RECITATION": .contentFilter, "BLOCKLIST": .contentFilter,
        "PROHIBITED_CONTENT": .contentFilter, "SPII": .contentFilter, "LANGUAGE": .contentFilter,
        "IMAGE_SAFETY": .contentFilter, "IMAGE_PROHIBITED_CONTENT": .contentFilter, "IMAGE_RECITATION": .contentFilter,
        "MALFORMED_FUNCTION_CALL": .malformedToolCall, "UNEXPECTED_TOOL_CALL": .malformedToolCall,
        "TOO_MANY_TOOL_CALLS": .malformedToolCall, "MALFORMED_RESPONSE": .malformedToolCall,
    ]

    static func knows(_ word: String) -> Bool { self.reasons[word] != nil }

    static func stopReason(_ word: String?, hasCalls: Bool) -> StopReason {
        let reason = self.reasons[word ?? ""] ?? .contentFilter
        return reason == .endTurn && hasCalls ? .toolUse : reason
    }

    static func logprobs(_ result: JSON?) -> [TokenLogprob]? {
        guard let chosen = result?["chosenCandidates"]?.array, !chosen.isEmpty else { return nil }
        let top = result?["topCandidates"]?.array ?? []
        return chosen.enumerated().map { index, token in
            var read = self.logprob(token)
            if index < top.count { read.top = (top[index]["candidates"]?.array ?? []).map(self.logprob) }
            return read
        }
    }

    private static func logprob(_ token: JSON) -> TokenLogprob {
        TokenLogprob(token: token["token"]?.string ?? "", logprob: token["logProbability"] ?? 0)
    }

    // MARK: Writing

    static func encode(_ answer: ChatAnswer, _ context: AnswerContext) -> JSON {
        let candidates: [JSON] = answer.choices.enumerated().map { index, choice in
            let candidate = self.candidate(choice.parts.flatMap(self.parts), index, choice.toldReason)
            return choice.logprobs.map { candidate.setting("logprobsResult", self.encode($0)) } ?? candidate
        }
        return [
            "candidates": .array(candidates), "usageMetadata": (answer.usage ?? AnswerUsage()).gemini,
            "modelVersion": .string(context.model), "responseId": .string(answer.id ?? context.id),
        ]
    }

    static func candidate(_ parts: [JSON], _ index: Int, _ stop: StopReason?) -> JSON {
        var writer = MemberWriter()
        writer.set("content", ["parts": .array(parts), "role": "model"])
        writer.set("finishReason", stop.map(self.word))
        writer.set("index", index)
        return writer.json
    }

    private static func parts(_ part: Part) -> [JSON] {
        switch part.content {
        case .text(let text), .refusal(let text): return [["text": .string(text)]]
        case .toolCall(let call): return [self.call(call)]
        case .thinking(let thinking):
            guard thinking.redacted == nil else { return [] }
            return [self.thought(thinking.text, thinking.signature)]
        case .image, .audio, .file, .toolResult: return []
        }
    }

    static func thought(_ text: String, _ signature: Signature?) -> JSON {
        let part: JSON = ["text": .string(text), "thought": true]
        return signature.map { part.setting("thoughtSignature", .string($0.carried(to: .gemini))) } ?? part
    }

    static func call(_ call: ToolCall) -> JSON {
        let arguments = call.argumentsObject ?? ["arguments": .string(call.arguments)]
        let part: JSON = ["functionCall": ["id": .string(call.id), "name": .string(call.name), "args": arguments]]
        return call.signature.map { part.setting("thoughtSignature", .string($0.carried(to: .gemini))) } ?? part
    }

    static func word(_ reason: StopReason) -> String {
        switch reason {
        case .endTurn, .stopSequence, .toolUse, .pauseTurn: "STOP"
        case .maxTokens, .contextFull: "MAX_TOKENS"
        case .contentFilter, .refusal: "SAFETY"
        case .malformedToolCall: "MALFORMED_FUNCTION_CALL"
        }
    }

    static func encode(_ logprobs: [TokenLogprob]) -> JSON {
        func plain(_ token: TokenLogprob) -> JSON {
            ["token": .string(token.token), "logProbability": token.logprob]
        }
        return [
            "topCandidates": .array(logprobs.map { ["candidates": .array($0.top.map(plain))] }),
            "chosenCandidates": .array(logprobs.map(plain)),
        ]
    }
}

extension AnswerUsage {
    /// Google's `usageMetadata`: what is cached is part of the prompt's count, thoughts stand beside the candidates'.
    init(gemini usage: JSON) {
        let prompt = (usage["promptTokenCount"]?.count ?? 0) &+ (usage["toolUsePromptTokenCount"]?.count ?? 0)
        self.cachedInput = min(usage["cachedContentTokenCount"]?.count ?? 0, prompt)
        self.input = prompt.less(self.cachedInput)
        self.output = usage["candidatesTokenCount"]?.count ?? 0
        self.reasoning = usage["thoughtsTokenCount"]?.count ?? 0
    }

    /// Google's `usageMetadata`.
    var gemini: JSON {
        var usage = MemberWriter()
        usage.set("promptTokenCount", JSON.count(self.allInput))
        usage.set("candidatesTokenCount", JSON.count(self.output &+ self.audioOutput &+ self.imageOutput))
        usage.set("totalTokenCount", JSON.count(self.allInput &+ self.allOutput))
        if self.cachedInput > 0 { usage.set("cachedContentTokenCount", JSON.count(self.cachedInput)) }
        if self.reasoning > 0 { usage.set("thoughtsTokenCount", JSON.count(self.reasoning)) }
        return usage.json
    }
}
