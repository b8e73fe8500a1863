package import GatewayModel
package import JSONScan

extension TokenUsage {
    /// OpenAI's `usage` object: of chat and completions (`prompt_tokens`, `completion_tokens`), or of responses, images,
    /// embeddings and realtime sessions (`input_tokens`, `output_tokens`).
    ///
    /// The details are parts of the totals there (platform.openai.com/docs/api-reference, "usage"); here each token is
    /// counted once, so they are taken out of the totals.
    package init(openAI usage: ObjectReader) {
        self.init()
        let input = usage.count("prompt_tokens") ?? usage.count("input_tokens") ?? 0
        let output = usage.count("completion_tokens") ?? usage.count("output_tokens") ?? 0
        let inputDetails =
            usage.object("prompt_tokens_details") ?? usage.object("input_tokens_details")
            ?? usage.object("input_token_details")
        let outputDetails =
            usage.object("completion_tokens_details") ?? usage.object("output_tokens_details")
            ?? usage.object("output_token_details")
        self.cachedInput = min(inputDetails?.count("cached_tokens") ?? 0, input)
        let audioIn = min(inputDetails?.count("audio_tokens") ?? 0, input - self.cachedInput)
        let imageIn = min(inputDetails?.count("image_tokens") ?? 0, input - self.cachedInput - audioIn)
        self.input = input - self.cachedInput - audioIn - imageIn
        self.reasoning = min(outputDetails?.count("reasoning_tokens") ?? 0, output)
        let audioOut = min(outputDetails?.count("audio_tokens") ?? 0, output - self.reasoning)
        let imageOut = min(outputDetails?.count("image_tokens") ?? 0, output - self.reasoning - audioOut)
        self.output = output - self.reasoning - audioOut - imageOut
        self.audio = audioIn + audioOut
        self.image = imageIn + imageOut
        self.source = .provider
    }
}
