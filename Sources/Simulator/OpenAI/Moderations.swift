import HTTPTypes
import JSONScan

/// OpenAI's moderations: an input that contains `violence` is flagged, any other is not.
enum Moderations {
    private static let categories = [
        "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
        "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
    ]

    static let endpoints = [
        Endpoint(method: .post, path: "/v1/moderations") { call, provider in
            let model = call.model ?? "sim-moderation"
            try provider.checkModel(model)
            let results = Self.inputs(try call.required("input")).map(Self.result)
            return .json([
                "id": .string(Text.identifier("modr-", call.seed)), "model": .string(model), "results": .array(results),
            ])
        }
    ]

    /// The texts to judge: one result each; a list of parts is one input.
    private static func inputs(_ json: JSON) -> [String] {
        guard let values = json.array else { return [json.string ?? ""] }
        if values.contains(where: { $0["type"] != nil }) {
            return [values.compactMap { $0["text"]?.string }.joined(separator: " ")]
        }
        return values.map { $0.string ?? "" }
    }

    private static func result(_ input: String) -> JSON {
        let isFlagged = input.lowercased().contains("violence")
        func members(_ value: (String) -> JSON) -> JSON {
            .object(Self.categories.map { JSON.Member(name: $0, value: value($0)) })
        }
        return [
            "flagged": .bool(isFlagged),
            "categories": members { .bool(isFlagged && $0 == "violence") },
            "category_scores": members { .double(isFlagged && $0 == "violence" ? 0.9 : 0.01) },
            "category_applied_input_types": members { _ in ["text"] },
        ]
    }
}
