package import GatewayModel
package import JSONScan

extension TokenUsage {
    /// Anthropic's `usage` object: cache reads and writes stand beside `input_tokens`, not within it
    /// (docs.anthropic.com, "Prompt caching", "Tracking cache performance").
    package init(anthropic usage: ObjectReader) {
        self.init()
        self.add(anthropic: usage)
        self.source = .provider
    }

    /// Takes over what a later event of a stream says: its counts are cumulative and replace earlier ones.
    package mutating func add(anthropic usage: ObjectReader) {
        if let input = usage.count("input_tokens") { self.input = input }
        if let read = usage.count("cache_read_input_tokens") { self.cachedInput = read }
        if let write = usage.count("cache_creation_input_tokens") { self.cacheWrite = write }
        if let output = usage.count("output_tokens") { self.output = output }
    }
}
