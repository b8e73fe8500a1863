/// The written form of durations and counts: `100ms`, `2s`, `10m`, `5000`, `2M`.
package enum Quantity {
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
        ("ms", 1_000_000), ("us", 1000),
    ]

    private static let multiples: [(name: String, factor: Int64)] = [
        ("k", 1000), ("M", 1_000_000), ("G", 1_000_000_000),
    ]

    /// One whole number with one unit; nil for anything else, and beyond a hundred years.
    package static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let number = Int64(digits), number <= 4_000_000_000_000 else { return nil }
        guard let size = Self.units.first(where: { $0.name == unit })?.nanoseconds else { return nil }
        let (nanoseconds, overflow) = number.multipliedReportingOverflow(by: size)
        return overflow ? nil : .nanoseconds(nanoseconds)
    }

    /// The shortest form that reads back as the same duration, to the microsecond.
    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        if nanoseconds == 0 { return "0s" }
        let unit = Self.units.first { nanoseconds % $0.nanoseconds == 0 } ?? ("us", 1000)
        return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
    }

    /// A whole number, optionally in thousands, millions or billions: `k`, `M`, `G`.
    package static func count(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let number = Int64(digits) else { return nil }
        if unit.isEmpty { return number }
        guard let factor = Self.multiples.first(where: { $0.name == unit })?.factor else { return nil }
        let (count, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : count
    }
}
