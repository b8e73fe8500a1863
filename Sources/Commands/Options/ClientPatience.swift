/// How slowly clients may send and take, and how much of them the process bears. Nil: the gateway's own default.
struct ClientPatience {
    let requests: Int?
    let bodyMemory: Int?
    let head: Duration?
    let body: Duration?
    let wholeBody: Duration?
    let bodyRate: Int?
    let bodyGrace: Duration?
    let keepAlive: Duration?
    let write: Duration?

    init(_ reader: OptionReader) throws(OptionError) {
        self.requests = try reader.int(.maximumRequests, in: 1...1_000_000)
        self.bodyMemory = try reader.bytes(.maximumBodyMemory)
        self.head = try reader.positiveDuration(.headTimeout)
        self.body = try reader.positiveDuration(.bodyTimeout)
        self.wholeBody = try reader.positiveDuration(.maximumBodyTime)
        self.bodyRate = reader.text(.minimumBodyRate) == "off" ? 0 : try reader.bytes(.minimumBodyRate)
        self.bodyGrace = try reader.positiveDuration(.bodyGrace)
        self.keepAlive = try reader.positiveDuration(.keepAliveTimeout)
        self.write = try reader.positiveDuration(.writeTimeout)
    }
}
