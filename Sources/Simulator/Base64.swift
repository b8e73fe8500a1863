import Foundation

/// Bytes in text, in either alphabet, padded or not, as protobuf's JSON mapping takes them.
enum Base64 {
    static func decode(_ text: String) -> [UInt8]? {
        var text = text.replacing("-", with: "+").replacing("_", with: "/")
        text = String(text.prefix(text.utf8.count - text.utf8.reversed().prefix { $0 == UInt8(ascii: "=") }.count))
        text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: text).map { Array($0) }
    }
}
