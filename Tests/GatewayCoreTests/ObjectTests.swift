import Foundation
import Testing

@testable import GatewayCore

struct ObjectMapTests {
    static func withPath(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "objects-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    static let owner = ObjectMap.Owner(namespace: "search", upstream: "openai")

    @Test func remembersAcrossARestart() throws {
        try Self.withPath { path in
            do {
                let map = try ObjectMap(path: path)
                map.add("file-1", Self.owner)
                map.add("file-2", ObjectMap.Owner(namespace: "plain", upstream: "other"))
                map.add("file-3", Self.owner)
                map.remove("file-3")
                map.remove("file-9")
            }
            let map = try ObjectMap(path: path)
            #expect(map.owner(of: "file-1") == Self.owner)
            #expect(map.owner(of: "file-2")?.namespace == "plain")
            #expect(map.owner(of: "file-3") == nil && map.owner(of: "") == nil)
        }
    }

    @Test func theFirstOwnerStays() throws {
        try Self.withPath { path in
            let map = try ObjectMap(path: path)
            map.add("file-1", Self.owner)
            map.add("file-1", ObjectMap.Owner(namespace: "thief", upstream: "x"))
            #expect(map.owner(of: "file-1") == Self.owner)
            #expect(try ObjectMap(path: path).owner(of: "file-1") == Self.owner)
        }
    }

    @Test(arguments: ["", "a b", "a\tb", "a\nb", "é", "a\u{7F}", String(repeating: "x", count: 257)])
    func idsThatCouldBreakALineStayUnknown(_ id: String) throws {
        try Self.withPath { path in
            let map = try ObjectMap(path: path)
            map.add(id, Self.owner)
            #expect(map.owner(of: id) == nil)
            #expect(try String(contentsOfFile: path, encoding: .utf8).isEmpty)
        }
    }

    @Test func damagedLinesAreSkipped() throws {
        try Self.withPath { path in
            let lines = "+\ta\tn\tu\n+\tb\n\ngarbage\n-\n+\tc\tn\tu\n-\ta\n+\td\tn"
            try lines.write(toFile: path, atomically: true, encoding: .utf8)
            let map = try ObjectMap(path: path)
            #expect(map.owner(of: "c") != nil && map.owner(of: "a") == nil && map.owner(of: "d") == nil)
        }
    }

    @Test func forgetsTheOldestBeyondItsCapacity() throws {
        try Self.withPath { path in
            let map = try ObjectMap(path: path, capacity: 10)
            for index in 0..<25 { map.add("file-\(index)", Self.owner) }
            #expect((0..<25).filter { map.owner(of: "file-\($0)") != nil } == Array(15..<25))
            #expect(map.droppedObjects == 15)
        }
    }

    /// Deleted objects leave no gap that lets the map grow, and none that makes it forget a living one.
    @Test func deletionsNeitherWidenTheMapNorCostOthersTheirPlace() throws {
        try Self.withPath { path in
            let map = try ObjectMap(path: path, capacity: 10)
            for index in 0..<10 { map.add("old-\(index)", Self.owner) }
            for index in 0..<5 { map.remove("old-\(index)") }
            for index in 0..<10 { map.add("new-\(index)", Self.owner) }
            #expect((0..<10).count(where: { map.owner(of: "old-\($0)") != nil }) == 0)
            #expect((0..<10).count(where: { map.owner(of: "new-\($0)") != nil }) == 10)
            map.remove("new-0")
            map.add("new-0", Self.owner)
            map.add("last", Self.owner)
            #expect(map.owner(of: "new-0") != nil && map.owner(of: "new-1") == nil)
        }
    }

    @Test func whatIsGoneLeavesTheFileAtTheNextStart() throws {
        try Self.withPath { path in
            do {
                let map = try ObjectMap(path: path)
                map.add("first", Self.owner)
                for index in 0..<1000 {
                    map.add("file-\(index)", Self.owner)
                    map.remove("file-\(index)")
                }
                map.add("last", ObjectMap.Owner(namespace: "plain", upstream: "other"))
                map.add("file-7", Self.owner)
            }
            _ = try ObjectMap(path: path, compactionBytes: 1 << 20)
            #expect(try String(contentsOfFile: path, encoding: .utf8).count > 10_000, "small files stay as they are")
            let map = try ObjectMap(path: path, compactionBytes: 1000)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text == "+\tfirst\tsearch\topenai\n+\tlast\tplain\tother\n+\tfile-7\tsearch\topenai\n")
            #expect(map.owner(of: "last")?.namespace == "plain" && map.owner(of: "file-8") == nil)
            map.add("new", Self.owner)
            #expect(try ObjectMap(path: path, compactionBytes: 10).owner(of: "new") == Self.owner)
            #expect(try String(contentsOfFile: path, encoding: .utf8).contains("new"))
        }
    }

    @Test func comingAndGoingObjectsDoNotFillTheMemory() throws {
        try Self.withPath { path in
            let map = try ObjectMap(path: path, capacity: 10)
            for index in 0..<20_000 {
                map.add("file-\(index)", Self.owner)
                map.remove("file-\(index)")
            }
            #expect(map.rememberedPlaces < 10_000)
        }
    }
}

struct ObjectListTests {
    static func filter(_ text: String) -> String {
        String(decoding: ObjectList.filter(Array(text.utf8)) { $0.hasPrefix("mine") }, as: UTF8.self)
    }

    @Test(arguments: [
        (#"{"object":"list","data":[],"has_more":false}"#, #"{"object":"list","data":[],"has_more":false}"#),
        (
            #"{"data":[{"id":"mine-1","n":[1]},{"id":"theirs"}, {"x":{"id":"mine-x"}},{"id":"mine-2","s":"]}\""}],"has_more":true}"#,
            #"{"data":[{"id":"mine-1","n":[1]},{"id":"mine-2","s":"]}\""}],"has_more":true}"#
        ),
        (#"{"data":["mine",1,null,["mine"],{"id":5},{"id":"mine","id":"mine"}]}"#, #"{"data":[]}"#),
        (#"{"data":[{"id":"m\u0069ne"}]}"#, #"{"data":[{"id":"m\u0069ne"}]}"#),
    ])
    func keepsOnlyWhatIsTheNamespaces(_ list: String, _ kept: String) {
        #expect(Self.filter(list) == kept)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"data":{}}"#, #"{"data":[{"id":"mine"}]"#, #"{"data":[],"data":[{"id":"x"}]}"#, "no",
    ])
    func whatIsNoListShowsNothing(_ text: String) {
        #expect(Self.filter(text) == #"{"object":"list","data":[],"has_more":false}"#)
    }
}
