/// A value that must not be seen: a provider credential, the key pepper, a password.
///
/// It cannot be printed or encoded by accident: every textual form is `‹secret›`, and it is neither `Codable` nor
/// `Hashable`. Whoever needs the bytes says so with `reveal()`, which is the word to search for in a review.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(_ text: String) { self.bytes = Array(text.utf8) }

    package var isEmpty: Bool { self.bytes.isEmpty }

    /// The bytes themselves. Only for putting them on a wire, sealing them, or comparing them.
    package func reveal() -> [UInt8] { self.bytes }

    package var description: String { "‹secret›" }
    package var debugDescription: String { "‹secret›" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
