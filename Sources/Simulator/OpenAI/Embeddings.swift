import Foundation
import HTTPTypes
import JSONScan

/// OpenAI's embeddings: unit vectors that follow from each input, as numbers or as base64 of 32-bit floats.
enum Embeddings {
    private static let defaultDimensions = 256

    static let endpoints = [
        Endpoint(method: .post, path: "/v1/embeddings") { call, provider in
            let model = try call.requiredModel()
            try provider.checkModel(model)
            let inputs = try Self.inputs(call.required("input"))
            let dimensions = min(max(call.json["dimensions"]?.int ?? Self.defaultDimensions, 1), 8192)
            let asBase64 = call.json["encoding_format"]?.string == "base64"
            let data = inputs.enumerated().map { index, input -> JSON in
                let vector = Self.vector(seed: Text.seed(input), dimensions: dimensions)
                return [
                    "object": "embedding", "index": .int(index),
                    "embedding": asBase64 ? Self.base64(vector) : .array(vector.map { .double(Double($0)) }),
                ]
            }
            let tokens = inputs.reduce(0) { $0 + Text.tokens(in: $1) }
            return .json([
                "object": "list", "data": .array(data), "model": .string(model),
                "usage": ["prompt_tokens": .int(tokens), "total_tokens": .int(tokens)],
            ])
        }
    ]

    private static func inputs(_ json: JSON) throws -> [String] {
        switch json {
        case .string(let text): return [text]
        case .array(let values) where values.allSatisfy({ $0.int != nil }) && !values.isEmpty:
            return [values.map(\.text).joined(separator: " ")]
        case .array(let values) where !values.isEmpty && values.count <= 2048:
            return values.map { $0.string ?? ($0.array ?? []).map(\.text).joined(separator: " ") }
        default:
            throw APIError.invalid("'input' must be a string or an array of up to 2048.", parameter: "input")
        }
    }

    /// A unit vector that follows from `seed`.
    static func vector(seed: UInt64, dimensions: Int) -> [Float] {
        let raw = (0..<dimensions).map { index in
            Float(Int64(bitPattern: Text.mix(seed &+ UInt64(index)))) / Float(Int64.max)
        }
        let length = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return raw.map { $0 / max(length, .leastNormalMagnitude) }
    }

    private static func base64(_ vector: [Float]) -> JSON {
        let bytes = vector.flatMap { value in
            let bits = value.bitPattern
            return (0..<4).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
        }
        return .string(Data(bytes).base64EncodedString())
    }
}
