import CByteScan
import Testing

@testable import HTTPWire

/// A head's fields are taken over from C in one copy.
struct HeadFieldTests {
    private static func rebound(_ line: byte_scan_field) -> HeadField {
        withUnsafePointer(to: line) { line in
            line.withMemoryRebound(to: HeadField.self, capacity: 1) { $0.pointee }
        }
    }

    @Test func bothTypesAreTheSameBytes() {
        #expect(MemoryLayout<HeadField>.stride == MemoryLayout<byte_scan_field>.stride)
        #expect(MemoryLayout<HeadField>.alignment == MemoryLayout<byte_scan_field>.alignment)
        let line = byte_scan_field(name_start: 1, name_end: 0x0102_0304, value_start: 5, value_end: .max, known: 1)
        let field = Self.rebound(line)
        #expect(field.name == ByteRange(1, 0x0102_0304) && field.value == ByteRange(5, Int(UInt32.max)))
        #expect(field.known == .connection)
    }

    /// A number of C's without its case would be no value of the type.
    @Test func everyNumberIsAField() {
        for number in 0...UInt8(BYTE_SCAN_KNOWN_FIELDS) { #expect(KnownField(rawValue: number) != nil) }
        #expect(KnownField(rawValue: UInt8(BYTE_SCAN_KNOWN_FIELDS) + 1) == nil)
    }

    @Test func pathsAreComparedToTheLetter() {
        let bytes = Array("/v1/Models".utf8)
        func begins(_ literal: StaticString, _ range: ByteRange = ByteRange(0, 10)) -> Bool {
            range.beginsExactly(bytes.span, literal)
        }
        #expect(
            begins("/v1/") && begins("/v1/Models") && begins("Models", ByteRange(4, 10)) && begins("", ByteRange(3, 3))
        )
        #expect(!begins("/V1/") && !begins("/v1/models") && !begins("/v1/Models/"))
    }

    /// What C answers for a name is a field, and the one of that name.
    @Test func everyNumberIsItsField() {
        let names: [(String, KnownField)] = [
            ("x-other", .other), ("connection", .connection), ("content-length", .contentLength),
            ("transfer-encoding", .transferEncoding), ("host", .host), ("keep-alive", .keepAlive), ("te", .te),
            ("trailer", .trailer), ("upgrade", .upgrade), ("expect", .expect), ("proxy-connection", .proxyConnection),
            ("proxy-authorization", .proxyAuthorization), ("proxy-authenticate", .proxyAuthenticate),
            ("authorization", .authorization), ("x-api-key", .xAPIKey), ("x-goog-api-key", .xGoogAPIKey),
            ("api-key", .apiKey), ("content-type", .contentType), ("content-encoding", .contentEncoding),
            ("accept-encoding", .acceptEncoding), ("x-request-id", .xRequestID), ("retry-after", .retryAfter),
            ("x-gateway-tags", .xGatewayTags),
        ]
        for (name, field) in names {
            let number = Array(name.utf8).withUnsafeBufferPointer { byte_scan_known_field($0.baseAddress, $0.count) }
            let line = byte_scan_field(name_start: 0, name_end: 0, value_start: 0, value_end: 0, known: number)
            #expect(Self.rebound(line).known == field && number == field.rawValue, "\(name)")
        }
    }
}
