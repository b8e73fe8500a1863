extension PriceTerms {
    /// The most that a rate may be, in currency units for a million tokens: sums of a record must stay within 128 bits.
    static let rateLimit: Int128 = 1_000_000_000

    /// Reads `currency`, `from`, `to`, `hours`, `rates`, `tiers`, `batch` and `priority`.
    package init(reading fields: FieldReader, currency fallback: String = "USD") {
        let currency = fields.string("currency") { text in
            text.utf8.count == 3 && text.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
                ? nil : "must be the three capital letters of a currency (ISO 4217), such as USD"
        }
        self.init(currency: currency ?? fallback, rates: Self.rates(fields, "rates") ?? Rates())
        self.from = Self.time(fields, "from")
        self.to = Self.time(fields, "to")
        if let from = self.from, let to = self.to, from >= to { fields.problem("to", "must be later than `from`") }
        self.hours = Self.hours(fields)
        for tier in fields.objects("tiers", atMost: 8) ?? [] {
            let above = tier.int("above", default: nil, in: 1...1_000_000_000) ?? 0
            if !tier.has("above") { tier.problem("above", "is required: tokens of input") }
            self.tiers.append(Tier(above: UInt64(above), rates: Self.rates(tier, "rates") ?? Rates()))
            tier.finish()
        }
        self.tiers.sort { $0.above < $1.above }
        for service in Service.allCases { self.services[service] = Self.rates(fields, service.rawValue) }
        if self.rates.isEmpty { fields.problem("rates", "must name at least one rate", allowed: Self.kinds) }
    }

    /// The written form, which `init(reading:)` reads.
    package var fields: [(String, DocumentValue)] {
        var fields: [(String, DocumentValue)] = [("currency", .string(self.currency))]
        if let from = self.from { fields.append(("from", .string(Timestamp.text(from)))) }
        if let to = self.to { fields.append(("to", .string(Timestamp.text(to)))) }
        if let hours = self.hours { fields.append(("hours", .array([hours.from, hours.to].map(Self.clock)))) }
        fields.append(("rates", Self.document(self.rates)))
        if !self.tiers.isEmpty {
            let tiers = self.tiers.map { tier in
                DocumentValue.object(
                    DocumentObject([("above", .int(Int64(tier.above))), ("rates", Self.document(tier.rates))])
                )
            }
            fields.append(("tiers", .array(tiers)))
        }
        for service in Service.allCases {
            if let rates = self.services[service] { fields.append((service.rawValue, Self.document(rates))) }
        }
        return fields
    }

    private static let kinds = Rates.Kind.allCases.map(\.rawValue)

    private static func document(_ rates: Rates) -> DocumentValue {
        let fields = Rates.Kind.allCases.compactMap { kind in
            rates[kind].map { (kind.rawValue, DocumentValue.string(Money(picounits: $0, currency: "").decimal)) }
        }
        return .object(DocumentObject(fields))
    }

    private static func rates(_ fields: FieldReader, _ name: String) -> Rates? {
        guard let object = fields.object(name) else { return nil }
        var rates = Rates()
        for kind in Rates.Kind.allCases {
            guard let value = object.value(kind.rawValue) else { continue }
            // A whole number may be written without quotes; any other number would have been rounded by then.
            let text = value.string ?? value.int.map(String.init)
            if let text, let rate = Money.picounits(text), rate >= 0, rate <= Self.rateLimit * Money.picounitsPerUnit {
                rates[kind] = rate
            } else {
                object.problem(kind.rawValue, "must be a decimal number in quotes, such as \"2.50\", not negative")
            }
        }
        object.finish()
        return rates
    }

    private static func time(_ fields: FieldReader, _ name: String) -> Int64? {
        guard let text = fields.string(name) else { return nil }
        if let seconds = Timestamp.seconds(text.utf8.count == 10 ? text + "T00:00:00Z" : text) { return seconds }
        fields.problem(name, "must be a day or a time, such as 2026-11-26 or 2026-11-26T08:00:00Z")
        return nil
    }

    private static func hours(_ fields: FieldReader) -> (from: Int, to: Int)? {
        guard let texts = fields.strings("hours", atMost: 2, { Self.minute($0) == nil ? "must be as 16:30" : nil })
        else {
            return nil
        }
        guard texts.count == 2, let from = Self.minute(texts[0]), let to = Self.minute(texts[1]), from != to else {
            fields.problem("hours", "must be two times of the day in UTC, such as [\"00:30\", \"16:30\"]")
            return nil
        }
        return (from, to)
    }

    private static func minute(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy(\.isDigit) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), hour < 24, minute < 60
        else { return nil }
        return hour * 60 + minute
    }

    private static func clock(_ minute: Int) -> DocumentValue {
        let padded = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        return .string("\(padded(minute / 60)):\(padded(minute % 60))")
    }
}

extension Money {
    package static let picounitsPerUnit: Int128 = 1_000_000_000_000

    /// An exact decimal number such as `2.50` in picounits; nil when the text is none, or has more than twelve places.
    package static func picounits(_ text: String) -> Int128? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, !first.isEmpty, first.utf8.count <= 20,
            parts.allSatisfy({ $0.utf8.allSatisfy(\.isDigit) }), let whole = Int128(first)
        else { return nil }
        guard parts.count == 2 else { return whole * Self.picounitsPerUnit }
        let places = parts[1].utf8.count
        guard (1...12).contains(places), let rest = Int128(parts[1]) else { return nil }
        return whole * Self.picounitsPerUnit + (0..<12 - places).reduce(rest) { value, _ in value * 10 }
    }
}
