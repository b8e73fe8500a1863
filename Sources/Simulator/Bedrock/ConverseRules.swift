import Foundation
import JSONScan

/// What a Converse request must be: its fields (API reference, Converse), the order of its turns, and that tools' results and
/// thoughts belong to it. The real service drops fields that it does not know; here they are refused, so that a test sees them.
struct ConverseRules {
    private static let fields = [
        "messages", "system", "inferenceConfig", "toolConfig", "guardrailConfig", "projectIdentifier",
        "additionalModelRequestFields", "promptVariables", "additionalModelResponseFieldPaths", "requestMetadata",
        "performanceConfig", "serviceTier", "outputConfig",
    ]
    private static let blocks = [
        "text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint",
        "reasoningContent", "citationsContent", "searchResult",
    ]
    private static let images = ["png", "jpeg", "gif", "webp"]

    private let hasTools: Bool

    init(_ json: JSON) throws(APIError) {
        try Self.check(json, has: Self.fields, at: "#")
        if let config = json["inferenceConfig"] {
            try Self.check(config, has: ["maxTokens", "temperature", "topP", "stopSequences"], at: "inferenceConfig")
            if let limit = config["maxTokens"], (limit.int ?? 0) < 1 {
                throw Self.constraint(
                    "inferenceConfig.maxTokens",
                    limit,
                    "Member must have value greater than or equal to 1"
                )
            }
        }
        for (index, tool) in (json["toolConfig"]?["tools"]?.array ?? []).enumerated() {
            let path = "toolConfig.tools.\(index).member"
            try Self.check(tool, has: ["toolSpec", "systemTool", "cachePoint"], at: path)
            guard let spec = tool["toolSpec"] else { continue }
            try Self.check(spec, has: ["name", "description", "inputSchema", "strict"], at: path + ".toolSpec")
            guard let name = spec["name"]?.string, Self.isName(name) else {
                throw Self.constraint(
                    path + ".toolSpec.name",
                    spec["name"] ?? .null,
                    "Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+"
                )
            }
            guard spec["inputSchema"]?["json"]?["type"]?.string == "object" else {
                throw .bedrock(
                    "The value at toolConfig.tools.\(index).toolSpec.inputSchema.json.type must be one of the following: "
                        + "object."
                )
            }
        }
        self.hasTools = json["toolConfig"] != nil
    }

    /// Checks the turns of a conversation.
    func check(_ messages: [JSON]) throws(APIError) {
        guard !messages.isEmpty else {
            throw .bedrock("The model returned the following errors: messages: at least one message is required")
        }
        guard messages[0]["role"]?.string == "user" else {
            throw .bedrock(
                "A conversation must start with a user message. Try again with a conversation that starts with a user "
                    + "message."
            )
        }
        var asked: [String] = []
        for (index, message) in messages.enumerated() {
            try Self.check(message, has: ["role", "content"], at: "messages.\(index)")
            let role = message["role"]?.string ?? ""
            guard ["user", "assistant"].contains(role) else {
                throw Self.constraint(
                    "messages.\(index + 1).member.role",
                    message["role"] ?? .null,
                    "Member must satisfy enum value set: [user, assistant]"
                )
            }
            guard index == 0 || messages[index - 1]["role"]?.string != role else {
                throw .bedrock(
                    "The model returned the following errors: messages: roles must alternate between \"user\" and "
                        + "\"assistant\", but found multiple \"\(role)\" roles in a row"
                )
            }
            let blocks = message["content"]?.array ?? []
            guard !blocks.isEmpty else {
                throw .bedrock("The content field in the Message object at messages.\(index) is empty.")
            }
            for (place, block) in blocks.enumerated() { try self.check(block, index, place) }
            try self.checkResults(blocks, asked: asked, index)
            asked = blocks.compactMap { $0["toolUse"]?["toolUseId"]?.string }
        }
    }

    private func checkResults(_ blocks: [JSON], asked: [String], _ index: Int) throws(APIError) {
        let results = blocks.compactMap { $0["toolResult"]?["toolUseId"]?.string }
        let missing = asked.filter { !results.contains($0) }
        guard missing.isEmpty else {
            throw .bedrock(
                "Expected toolResult blocks at messages.\(index).content for the following Ids: "
                    + missing.joined(separator: ", ")
            )
        }
        guard results.allSatisfy({ asked.contains($0) }), results.count <= asked.count else {
            throw .bedrock(
                "The number of toolResult blocks at messages.\(index).content exceeds the number of toolUse blocks of "
                    + "previous turn."
            )
        }
    }

    private func check(_ block: JSON, _ index: Int, _ place: Int) throws(APIError) {
        let path = "messages.\(index).content.\(place)"
        try Self.check(block, has: Self.blocks, at: path)
        guard block.members?.count == 1 else {
            throw .bedrock("The ContentBlock object at \(path) must set exactly one of its members.")
        }
        if let text = block["text"]?.string, text.allSatisfy(\.isWhitespace) {
            throw .bedrock(
                "The text field in the ContentBlock object at \(path) is blank. Add text to the text field, and try again."
            )
        }
        if block["toolUse"] != nil || block["toolResult"] != nil, !self.hasTools {
            throw .bedrock("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        }
        if let call = block["toolUse"] {
            try Self.check(call, has: ["toolUseId", "name", "input", "type"], at: path + ".toolUse")
            guard call["input"]?.members != nil else {
                throw .bedrock("The format of the value at \(path).toolUse.input is invalid. Provide a json object.")
            }
        }
        if let result = block["toolResult"] {
            try Self.check(result, has: ["toolUseId", "content", "status", "type"], at: path + ".toolResult")
        }
        if let image = block["image"] { try Self.check(image: image, at: path + ".image") }
        if let thought = block["reasoningContent"] { try Self.check(thought: thought, at: path) }
    }

    private static func check(image: JSON, at path: String) throws(APIError) {
        guard Self.images.contains(image["format"]?.string ?? "") else {
            throw Self.constraint(
                path + ".format",
                image["format"] ?? .null,
                "Member must satisfy enum value set: [\(Self.images.joined(separator: ", "))]"
            )
        }
        guard image["source"]?["s3Location"] == nil else { return }
        guard let text = image["source"]?["bytes"]?.string, Data(base64Encoded: text)?.isEmpty == false else {
            throw .bedrock("The model returned the following errors: \(path).source: Could not process image")
        }
    }

    private static func check(thought: JSON, at path: String) throws(APIError) {
        if let data = thought["redactedContent"]?.string {
            guard Signature.isOurs(data) else {
                throw .bedrock(
                    "The model returned the following errors: \(path): Invalid `data` in `redacted_thinking` block"
                )
            }
        } else {
            let text = thought["reasoningText"]?["text"]?.string ?? ""
            guard Signature.isValid(thought["reasoningText"]?["signature"]?.string ?? "", of: text) else {
                throw .bedrock(
                    "The model returned the following errors: \(path): Invalid `signature` in `thinking` block"
                )
            }
        }
    }

    private static func check(_ json: JSON, has names: [String], at path: String) throws(APIError) {
        guard let members = json.members else { throw .bedrock("The value at \(path) must be an object.") }
        if let member = members.first(where: { !names.contains($0.name) }) {
            throw .bedrock(
                "Malformed input request: \(path): extraneous key [\(member.name)] is not permitted, please reformat your "
                    + "input and try again."
            )
        }
    }

    private static func constraint(_ path: String, _ value: JSON, _ rule: String) -> APIError {
        .bedrock(
            "1 validation error detected: Value '\(value.string ?? value.text)' at '\(path)' failed to satisfy constraint: "
                + rule
        )
    }

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.count)
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
    }
}
