package import Journal
package import Telemetry

/// Everything of the core that belongs to one event loop. Touched by that loop only: no lock, no atomic.
package final class LoopState {
    /// The table that new exchanges begin with; nil until the first snapshot has come.
    package var table: RoutingTable?
    package var clock = LoopClock()
    package var metrics: ExchangeMetrics
    let journal: JournalWriter
    let options: CoreOptions
    let accessLog: AccessLog?
    let objects: ObjectMap
    /// Shared with the other loops.
    package let load: ProcessLoad
    var keyRing = KeyRing()
    var random: RandomNumbers
    /// Reads the calls of all exchanges: a call is read in one go, so one reader, which stays in the cache, is enough.
    let callReader = CallReader()
    /// Read the answers that come in one piece, of all exchanges.
    let answerReaders = AnswerReaders()
    /// The server is stopping: connections close as their exchanges end.
    package var isDraining = false

    package init(
        journal: JournalWriter,
        options: CoreOptions,
        accessLog: LogFile?,
        objects: ObjectMap,
        load: ProcessLoad = ProcessLoad()
    ) {
        self.journal = journal
        self.options = options
        self.accessLog = accessLog.map(AccessLog.init)
        self.objects = objects
        self.load = load
        self.metrics = ExchangeMetrics()
        self.random = RandomNumbers(seed: UInt64.random(in: 1...UInt64.max))
    }

    /// The timer's work, a few times a second: the wall clock, the log's batch, counts that are not kept where they are shown.
    package func tick() {
        self.clock.adjust()
        self.metrics.keysForgotten = self.keyRing.evictions
        self.accessLog?.flush()
    }
}

/// What the core is told at start, by the process's options.
package struct CoreOptions: Sendable {
    /// Bytes of a request body that is read as a whole.
    package var maximumBodyBytes: Int
    /// Bytes of a form, which is passed on as it comes.
    package var maximumUploadBytes: Int
    /// When usage cannot be recorded: refuse, or serve and count the loss.
    package var servesWithoutJournal: Bool

    package init(
        maximumBodyBytes: Int = 32 << 20,
        maximumUploadBytes: Int = 512 << 20,
        servesWithoutJournal: Bool = false
    ) {
        self.maximumBodyBytes = maximumBodyBytes
        self.maximumUploadBytes = maximumUploadBytes
        self.servesWithoutJournal = servesWithoutJournal
    }
}

/// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators"): for spreading load, never for
/// secrets.
struct RandomNumbers {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed == 0 ? 1 : seed }

    /// A number below `bound`, which is more than zero.
    mutating func below(_ bound: Int) -> Int {
        self.state ^= self.state >> 12
        self.state ^= self.state << 25
        self.state ^= self.state >> 27
        let word = self.state &* 0x2545_F491_4F6C_DD1D
        return Int(word.multipliedFullWidth(by: UInt64(bound)).high)
    }
}
