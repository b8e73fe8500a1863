import HTTPTypes
import JSONScan

/// OpenAI's images: every image is one transparent pixel.
enum Images {
    private static let pixel =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

    static let endpoints = ["generations", "edits", "variations"].map { name in
        Endpoint(method: .post, path: "/v1/images/\(name)") { call, provider in
            if let model = call.model { try provider.checkModel(model) }
            let prompt = call.json["prompt"]?.string ?? call.form?.text("prompt")
            if name == "generations", prompt == nil { _ = try call.required("prompt") }
            if name != "generations", call.form?.part("image") == nil {
                throw APIError.invalid("Missing required parameter: 'image'.", parameter: "image")
            }
            return .json(Self.body(call, prompt: prompt ?? ""))
        }
    }

    private static func body(_ call: Call, prompt: String) -> JSON {
        let count = call.json["n"]?.int ?? call.form?.text("n").flatMap { Int($0) } ?? 1
        let format = call.json["response_format"]?.string ?? call.form?.text("response_format")
        let image: JSON =
            format == "url" ? ["url": "https://images.invalid/pixel.png"] : ["b64_json": .string(Self.pixel)]
        let input = Text.tokens(in: prompt)
        return [
            "created": .int(call.created), "data": .array(Array(repeating: image, count: min(max(count, 1), 10))),
            "usage": [
                "input_tokens": .int(input), "output_tokens": 100, "total_tokens": .int(input + 100),
                "input_tokens_details": ["text_tokens": .int(input), "image_tokens": 0],
            ],
        ]
    }
}
