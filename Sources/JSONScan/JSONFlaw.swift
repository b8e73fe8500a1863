/// Why bytes are not one JSON object that all readers would read alike.
package enum JSONFlaw: String, Error, Sendable {
    case notAnObject = "the body is not a JSON object"
    case unexpectedByte = "a character stands where JSON allows none"
    case badString = "a string holds a control character or a bad escape"
    case tooDeep = "values are nested too deeply"
    case truncated = "the object is not complete"
    case trailingBytes = "something follows the object"
    case repeatedMember = "a decisive member appears twice"
    case disguisedMember = "a decisive member's name is written with escapes or in other case"

    /// Whether two readers could take the body for two different calls.
    package var isAmbiguity: Bool { self == .repeatedMember || self == .disguisedMember }
}

/// What a JSON value is, told by its first byte.
@usableFromInline
package enum JSONKind: UInt8, Sendable {
    case object, array, string, number, bool, null
}
