// Character classes over ASCII bytes, shared by the rules for names, hosts, paths and headers.

extension UInt8 {
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }

    /// `tchar` of RFC 9110: what a header field's name may consist of.
    var isToken: Bool { self.isLetter || self.isDigit || "!#$%&'*+-.^_`|~".utf8.contains(self) }
}

/// The rules for texts that are more than texts. Each says nil when the text is right, else what it must be.
package enum TextRule {
    /// Names of resources.
    package static func name(_ text: String) -> String? {
        let fits = text.utf8.allSatisfy { $0.isLetter || $0.isDigit || "._:/@-".utf8.contains($0) }
        return fits && (1...128).contains(text.utf8.count)
            ? nil : "must be 1 to 128 characters of A-Z a-z 0-9 . _ : / @ -"
    }

    /// Names of models, and patterns over names.
    package static func pattern(_ text: String) -> String? {
        let fits = text.utf8.allSatisfy { $0.isLetter || $0.isDigit || "._:/@-*".utf8.contains($0) }
        return fits && (1...128).contains(text.utf8.count)
            ? nil : "must be 1 to 128 characters of A-Z a-z 0-9 . _ : / @ - *"
    }

    /// Patterns over request paths.
    package static func pathPattern(_ text: String) -> String? {
        let fits = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let begins = text.hasPrefix("/") || text.hasPrefix("*")
        return fits && begins && text.utf8.count <= 256
            ? nil : "must begin with `/` or `*` and have at most 256 characters, none of them space, ? or #"
    }

    /// What an upstream calls a model: anything that can be seen.
    package static func upstreamModel(_ text: String) -> String? {
        let fits = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
        return fits && (1...256).contains(text.utf8.count)
            ? nil : "must be 1 to 256 characters without spaces and control characters"
    }

    package static func headerName(_ text: String) -> String? {
        text.utf8.allSatisfy(\.isToken) && (1...64).contains(text.utf8.count)
            ? nil : "must be a header name of 1 to 64 characters"
    }

    /// Header values that go out as they are.
    package static func headerValue(_ text: String) -> String? {
        let fits = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
        let trimmed = !text.hasPrefix(" ") && !text.hasSuffix(" ")
        return fits && trimmed && (1...8192).contains(text.utf8.count)
            ? nil : "must be 1 to 8192 visible ASCII characters without spaces around them"
    }

    package static func host(_ text: String) -> String? {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let fits = labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy {
                    $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                }
        }
        return fits && text.utf8.count <= 253 ? nil : "must be a host name without port"
    }

    package static func pathPrefix(_ text: String) -> String? {
        let segments = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let fits = segments.allSatisfy { segment in
            !segment.isEmpty && segment != "." && segment != ".."
                && segment.utf8.allSatisfy { $0.isLetter || $0.isDigit || "-._~".utf8.contains($0) }
        }
        guard text.hasPrefix("/"), !segments.isEmpty, fits, text.utf8.count <= 128 else {
            return "must begin with `/`, not end with one, and consist of segments of A-Z a-z 0-9 - . _ ~"
        }
        guard let first = segments.first, Namespace.reservedPrefixes.contains("/" + first) else { return nil }
        return "`/\(first)` belongs to the gateway itself and cannot be given to a namespace"
    }
}
