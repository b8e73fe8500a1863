/// An amount in 10⁻¹² of a currency unit (a picounit), as an integer of 128 bits, so that sums are exact.
///
/// Amounts of different currencies are never added: `+` does not exist, `adding` refuses.
package struct Money: Sendable, Hashable {
    package let picounits: Int128
    /// ISO 4217 code, upper case: `USD`, `CNY`.
    package let currency: String

    package init(picounits: Int128, currency: String) {
        self.picounits = picounits
        self.currency = currency
    }

    /// The sum, or nil when the currencies differ or the sum would overflow.
    package func adding(_ other: Money) -> Money? {
        guard self.currency == other.currency else { return nil }
        let (sum, overflow) = self.picounits.addingReportingOverflow(other.picounits)
        return overflow ? nil : Money(picounits: sum, currency: self.currency)
    }
}

extension Money {
    /// The amount as an exact decimal number without needless zeros: `0.00123`.
    package var decimal: String {
        let unit: UInt128 = 1_000_000_000_000
        let (whole, rest) = self.picounits.magnitude.quotientAndRemainder(dividingBy: unit)
        let sign = self.picounits < 0 ? "-" : ""
        guard rest > 0 else { return "\(sign)\(whole)" }
        // The leading one keeps the zeros behind the point.
        let digits = String(String(unit + rest).dropFirst().reversed().drop { $0 == "0" }.reversed())
        return "\(sign)\(whole).\(digits)"
    }
}
