/// RFC 3339 times in UTC with milliseconds; the date and second are formatted once a second.
struct TimestampCache {
    private var second: UInt64 = .max
    private var bytes = [UInt8]("1970-01-01T00:00:00.000Z".utf8)

    /// The text of `nanoseconds` since 1970.
    mutating func text(_ nanoseconds: UInt64) -> [UInt8] {
        let second = nanoseconds / 1_000_000_000
        if second != self.second {
            self.second = second
            self.bytes = Self.format(second)
        }
        let milliseconds = nanoseconds / 1_000_000 % 1000
        self.bytes[20] = UInt8(ascii: "0") + UInt8(milliseconds / 100)
        self.bytes[21] = UInt8(ascii: "0") + UInt8(milliseconds / 10 % 10)
        self.bytes[22] = UInt8(ascii: "0") + UInt8(milliseconds % 10)
        return self.bytes
    }

    private static func format(_ second: UInt64) -> [UInt8] {
        let (year, month, day) = CivilDate.of(day: Int(second / 86400))
        let clock = Int(second % 86400)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: width - digits.count) + digits
        }
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let time = "\(padded(clock / 3600, 2)):\(padded(clock / 60 % 60, 2)):\(padded(clock % 60, 2))"
        return Array("\(date)T\(time).000Z".utf8)
    }
}

/// The Gregorian calendar from days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `civil_from_days`).
enum CivilDate {
    static func of(day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
