package import GatewayModel
import JSONScan

extension TokenUsage {
    /// Reads the counts of Anthropic's `usage` object.
    static let anthropicReader = CountReader(
        [
            "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens", "cache_creation",
        ],
        nested: [(4, ["ephemeral_1h_input_tokens"])]
    )

    /// Anthropic's `usage` object: cache reads and writes stand beside `input_tokens`, not within it
    /// (docs.anthropic.com, "Prompt caching", "Tracking cache performance"); `cache_creation` says how the writes divide.
    package init(anthropic usage: [UInt8]) {
        self.init()
        self.add(anthropic: usage)
        self.source = .provider
    }

    /// Takes over what a later event of a stream says: its counts are cumulative and replace earlier ones.
    package mutating func add(anthropic usage: [UInt8]) {
        var counts = Self.anthropicReader.read(usage)
        self.add(anthropic: &counts)
    }

    /// The same of what `anthropicReader` has found.
    mutating func add(anthropic counts: inout CountReader.Counts) {
        if let input = counts[0] { self.input = input }
        if let read = counts[1] { self.cachedInput = read }
        if let write = counts[2] { self.cacheWrite = write }
        if let output = counts[3] { self.output = output }
        if let long = counts[5] { self.cacheWrite1h = min(long, self.cacheWrite) }
    }
}
