package import GatewayModel

/// Sums over records. Each is a column of the tables by hour and by day, in this order and under these names.
package struct UsageSums: Sendable, Equatable {
    package enum Column: Int, Sendable, CaseIterable {
        case requests
        /// Ended in another way than `complete`.
        case failed
        /// Used something for which no price was known.
        case unpriced
        case input, cachedInput, cacheWrite, output, reasoning, audio, image
        /// Of a currency unit: whole millionths, and the rest of it in 10⁻¹². Two columns, because 64 bits hold either the
        /// precision or the amount; the rest is always below one millionth.
        case costMicros, costRest
        /// From the request to the end, in microseconds.
        case durationMicros
        /// Until the first byte of the answer, over those that had one, and how many had.
        case firstByteMicros, firstBytes

        /// As tables call it.
        package var name: String { "\(self)" }

        /// The column of a kind of tokens.
        package init(_ kind: TokenUsage.Kind) {
            switch kind {
            case .input: self = .input
            case .cachedInput: self = .cachedInput
            case .cacheWrite: self = .cacheWrite
            case .output: self = .output
            case .reasoning: self = .reasoning
            case .audio: self = .audio
            case .image: self = .image
            }
        }
    }

    /// The most that one record may add to any sum: a figure beyond is an error of the upstream's, and sums must never
    /// overflow. Tokens, microseconds, millionths of a currency unit.
    static let recordLimit: UInt64 = 1_000_000_000_000

    /// Picounits in a millionth.
    static let picounitsPerMicro: Int128 = 1_000_000

    /// By the columns' order.
    package private(set) var values: [Int64]

    /// All zero.
    package init() { self.values = Array(repeating: 0, count: Column.allCases.count) }

    /// Takes over what a database has added up. `costRest` may be more than a millionth.
    package init(values: [Int64]) {
        self.values = values
        self.carry()
    }

    /// The sums of one record.
    package init(_ entry: LedgerEntry) {
        self.init()
        let record = entry.record
        self[.requests] = 1
        self[.failed] = record.outcome == .complete ? 0 : 1
        self[.unpriced] = entry.cost == nil && record.usage.total > 0 ? 1 : 0
        for kind in TokenUsage.Kind.allCases { self[Column(kind)] = Self.bounded(record.usage[kind]) }
        if let cost = entry.cost {
            let (micros, rest) = cost.picounits.quotientAndRemainder(dividingBy: Self.picounitsPerMicro)
            self[.costMicros] = Self.bounded(UInt64(clamping: micros))
            self[.costRest] = Int64(rest)
        }
        self[.durationMicros] = Self.bounded(record.endedAfter / 1000)
        if let first = record.firstByteAfter {
            self[.firstByteMicros] = Self.bounded(first / 1000)
            self[.firstBytes] = 1
        }
    }

    package subscript(column: Column) -> Int64 {
        get { self.values[column.rawValue] }
        set { self.values[column.rawValue] = newValue }
    }

    package mutating func add(_ other: UsageSums) {
        for index in self.values.indices { self.values[index] += other.values[index] }
        self.carry()
    }

    /// The cost in picounits.
    package var picounits: Int128 {
        Int128(self[.costMicros]) * Self.picounitsPerMicro + Int128(self[.costRest])
    }

    package var tokens: Int64 { TokenUsage.Kind.allCases.reduce(0) { $0 + self[Column($1)] } }

    package func tokens(_ kind: TokenUsage.Kind) -> Int64 { self[Column(kind)] }

    private mutating func carry() {
        let carry = self[.costRest] / Int64(Self.picounitsPerMicro)
        self[.costMicros] += carry
        self[.costRest] -= carry * Int64(Self.picounitsPerMicro)
    }

    private static func bounded(_ number: UInt64) -> Int64 { Int64(min(number, Self.recordLimit)) }
}
