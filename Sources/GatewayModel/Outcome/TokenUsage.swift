/// Tokens by disjoint kinds: each token is counted in exactly one, and all kinds together are the provider's total.
@usableFromInline
package struct TokenUsage: Sendable, Equatable {
    package var input: UInt64 = 0
    package var cachedInput: UInt64 = 0
    package var cacheWrite: UInt64 = 0
    package var output: UInt64 = 0
    package var reasoning: UInt64 = 0
    package var audio: UInt64 = 0
    package var image: UInt64 = 0
    /// What of `audio` and of `image` the model made: it has another price than what it was given.
    package var audioOutput: UInt64 = 0
    package var imageOutput: UInt64 = 0
    /// What of `cacheWrite` is kept for an hour instead of minutes, for which Anthropic has another price.
    package var cacheWrite1h: UInt64 = 0
    package var source = Source.none

    package init() {}

    package var total: UInt64 {
        self.input + self.cachedInput + self.cacheWrite + self.output + self.reasoning + self.audio + self.image
    }

    /// Adds what another answer of the same exchange used.
    package mutating func add(_ other: TokenUsage) {
        self.input += other.input
        self.cachedInput += other.cachedInput
        self.cacheWrite += other.cacheWrite
        self.output += other.output
        self.reasoning += other.reasoning
        self.audio += other.audio
        self.image += other.image
        self.audioOutput += other.audioOutput
        self.imageOutput += other.imageOutput
        self.cacheWrite1h += other.cacheWrite1h
        if other.source != .none { self.source = other.source }
    }

    /// Where the numbers come from. Zero is not missing: `none` says that nothing is known.
    @usableFromInline
    package enum Source: String, Sendable, CaseIterable {
        /// The provider's own final figures.
        case provider
        /// The provider's figures up to where its answer broke off.
        case partial
        /// Ours, because the provider's never came.
        case estimated
        case none
    }

    package enum Kind: String, Sendable, CaseIterable {
        case input
        case cachedInput = "cached_input"
        case cacheWrite = "cache_write"
        case output, reasoning, audio, image
    }

    /// What of a kind's tokens has a price of its own. They are counted in the kind as well.
    package enum Part: String, Sendable, CaseIterable {
        case audioOutput = "audio_output"
        case imageOutput = "image_output"
        case cacheWrite1h = "cache_write_1h"
    }

    package subscript(part: Part) -> UInt64 {
        get {
            switch part {
            case .audioOutput: self.audioOutput
            case .imageOutput: self.imageOutput
            case .cacheWrite1h: self.cacheWrite1h
            }
        }
        set {
            switch part {
            case .audioOutput: self.audioOutput = newValue
            case .imageOutput: self.imageOutput = newValue
            case .cacheWrite1h: self.cacheWrite1h = newValue
            }
        }
    }

    package subscript(kind: Kind) -> UInt64 {
        get {
            switch kind {
            case .input: self.input
            case .cachedInput: self.cachedInput
            case .cacheWrite: self.cacheWrite
            case .output: self.output
            case .reasoning: self.reasoning
            case .audio: self.audio
            case .image: self.image
            }
        }
        set {
            switch kind {
            case .input: self.input = newValue
            case .cachedInput: self.cachedInput = newValue
            case .cacheWrite: self.cacheWrite = newValue
            case .output: self.output = newValue
            case .reasoning: self.reasoning = newValue
            case .audio: self.audio = newValue
            case .image: self.image = newValue
            }
        }
    }
}
