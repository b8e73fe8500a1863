import HTTPTypes
import JSONScan

/// OpenAI's speech, transcriptions and translations. Speech is a short silent WAV whatever format is asked for; the text of
/// a recording follows from its bytes.
enum Audio {
    static let endpoints = [
        Endpoint(method: .post, path: "/v1/audio/speech") { call, provider in
            try provider.checkModel(try call.requiredModel())
            guard try call.required("input").string != nil else {
                throw APIError.invalid("'input' must be a string.", parameter: "input")
            }
            return .bytes(Self.silence, type: "audio/wav")
        },
        Endpoint(method: .post, path: "/v1/audio/transcriptions") { try Self.transcript($0, $1) },
        Endpoint(method: .post, path: "/v1/audio/translations") { try Self.transcript($0, $1) },
    ]

    private static func transcript(_ call: Call, _ provider: Provider) throws -> Answer {
        guard let form = call.form else { throw APIError.invalid("The body must be multipart/form-data.") }
        try provider.checkModel(try call.requiredModel())
        guard let file = form.part("file") else {
            throw APIError.invalid("Missing required parameter: 'file'.", parameter: "file")
        }
        let generation = Generation(Prompt(), seed: Text.seed(file.content), dials: call.dials)
        let usage: JSON = [
            "type": "tokens", "input_tokens": 10, "output_tokens": .int(generation.tokens),
            "total_tokens": .int(10 + generation.tokens),
        ]
        if call.streams { return Self.stream(generation, usage) }
        switch form.text("response_format") ?? "json" {
        case "text": return .bytes(Array("\(generation.text)\n".utf8), type: "text/plain; charset=utf-8")
        case "srt":
            return .bytes(Array("1\n00:00:00,000 --> 00:00:01,000\n\(generation.text)\n".utf8), type: "text/plain")
        case "vtt":
            let text = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n\(generation.text)\n"
            return .bytes(Array(text.utf8), type: "text/plain")
        case "verbose_json": return .json(Self.verbose(generation.text), tokens: generation.tokens)
        default: return .json(["text": .string(generation.text), "usage": usage], tokens: generation.tokens)
        }
    }

    private static func stream(_ generation: Generation, _ usage: JSON) -> Answer {
        .events { outlet in
            for index in 0..<generation.pieceCount {
                let piece = JSON.string(generation.piece(index))
                try await outlet.token(nil, ["type": "transcript.text.delta", "delta": piece])
            }
            try await outlet.event(
                nil,
                ["type": "transcript.text.done", "text": .string(generation.text), "usage": usage]
            )
        }
    }

    private static func verbose(_ text: String) -> JSON {
        [
            "task": "transcribe", "language": "english", "duration": 1.0, "text": .string(text),
            "segments": [
                [
                    "id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": .string(text), "tokens": [],
                    "temperature": 0.0,
                    "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0,
                ]
            ],
            "usage": ["type": "duration", "seconds": 1],
        ]
    }

    /// A tenth of a second of silence: 8 kHz, mono, 8 bit.
    private static let silence: [UInt8] = {
        let samples = 800
        func little(_ value: Int, _ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(value >> ($0 * 8) & 255) } }
        var wave = Array("RIFF".utf8) + little(36 + samples, 4) + Array("WAVEfmt ".utf8)
        wave += little(16, 4) + little(1, 2) + little(1, 2) + little(8000, 4) + little(8000, 4) + little(1, 2)
        wave += little(8, 2) + Array("data".utf8) + little(samples, 4)
        return wave + Array(repeating: 128, count: samples)
    }()
}
