import Dialects
import JSONScan
import NIOCore

// Objects that a provider keeps belong to the namespace that created them.
extension Exchange {
    /// Remembers or forgets the object that a successful answer told of.
    func noteObject() {
        guard let table = self.table, let endpoint = self.endpoint, (200..<300).contains(self.record.status) else {
            return
        }
        if self.createsObject {
            self.addObject(table)
        } else if endpoint.objects == .deletes, let id = self.deletedObject {
            self.loop.objects.remove(id)
        }
    }

    /// Whether the answer's `id`, when the call succeeds, is that of an object which the provider keeps.
    var createsObject: Bool {
        // What is made of a translated answer's is an id that no provider knows.
        guard self.translated == nil else { return false }
        return switch self.endpoint?.objects {
        case .creates: true
        case .createsUnlessUnstored: self.call.store != false
        case .createsIfStored: self.call.store == true
        case .uses, .deletes, .lists, .some(.none), nil: false
        }
    }

    /// A stored object that a stream told of exists, also when the stream did not come to its end.
    func noteStreamedObject() {
        guard self.hasAnswer, self.relay.reading == .events, self.endpoint?.objects != .deletes else { return }
        self.noteObject()
    }

    private func addObject(_ table: RoutingTable) {
        let id: [UInt8]? =
            self.relay.reading == .events
            ? self.relay.watch.objectID
            : self.relay.quotedID.map { Array($0.dropFirst().dropLast()) }
        guard let id, !id.isEmpty else { return }
        self.loop.objects.add(
            String(decoding: id, as: UTF8.self),
            ObjectMap.Owner(
                namespace: String(decoding: table.namespaces[self.record.namespace].name, as: UTF8.self),
                upstream: table.upstreams[self.record.upstream].name
            )
        )
    }

    /// The id in the path of a delete, taken from the record because the request's bytes are given back by then.
    private var deletedObject: String? {
        let segments = self.record.path.array.split(separator: UInt8(ascii: "/"))
        return segments.last.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Puts the list into the body without the objects of other namespaces.
    func injectFilteredList(into out: inout ByteBuffer) {
        guard let table = self.table else { return }
        let namespace = String(decoding: table.namespaces[self.record.namespace].name, as: UTF8.self)
        let list = ObjectList.filter(self.relay.wholeBody) { id in
            self.loop.objects.owner(of: id)?.namespace == namespace
        }
        self.relay.inject(list, into: &out)
    }
}

/// A provider's list of objects: `{"data":[{"id":…},…],…}`.
enum ObjectList {
    /// The list with only those objects of `data` whose id `keeps` accepts. What is not such a list becomes an empty one:
    /// nothing is shown of which the owner is not known.
    static func filter(_ body: [UInt8], keeps: (String) -> Bool) -> [UInt8] {
        let scanner = TopLevelScanner(watching: ["data"])
        guard (try? scanner.feed(body.span)) != nil, (try? scanner.finish()) != nil, let data = scanner[0],
            data.kind == .array
        else { return Array("{\"object\":\"list\",\"data\":[],\"has_more\":false}".utf8) }
        var kept: [UInt8] = [UInt8(ascii: "[")]
        for element in Self.elements(body, data.start + 1..<data.end - 1) where Self.isKept(body, element, keeps) {
            if kept.count > 1 { kept.append(UInt8(ascii: ",")) }
            kept += body[element]
        }
        kept.append(UInt8(ascii: "]"))
        return Array(body[..<data.start]) + kept + body[data.end...]
    }

    private static func isKept(_ body: [UInt8], _ element: Range<Int>, _ keeps: (String) -> Bool) -> Bool {
        let scanner = TopLevelScanner(watching: ["id"])
        guard (try? scanner.feed(body.span.extracting(element))) != nil, let id = scanner[0], id.kind == .string else {
            return false
        }
        let start = element.lowerBound + id.start + 1
        let raw = body[start..<element.lowerBound + id.end - 1]
        return JSONText.decode(raw).map { keeps(String(decoding: $0, as: UTF8.self)) } ?? false
    }

    /// The objects of an array, whose brackets the scanner has found balanced.
    private static func elements(_ body: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
        var elements: [Range<Int>] = []
        var depth = 0
        var start = range.lowerBound
        var inString = false
        var isEscaped = false
        for index in range {
            let byte = body[index]
            if inString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte
                    == UInt8(ascii: "\"")
                {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == 0 { start = index }
                depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { elements.append(start..<index + 1) }
            default: break
            }
        }
        return elements
    }
}
