import JSONScan

/// OpenAI's form of a list, with its `limit`, `after` and `order`.
enum ListPage {
    static func answer(_ items: [JSON], _ call: Call) -> Answer {
        var items = items
        if call.query["order"] == "asc" { items.reverse() }
        if let after = call.query["after"], let index = items.firstIndex(where: { $0["id"]?.string == after }) {
            items.removeFirst(index + 1)
        }
        let limit = call.query["limit"].flatMap { Int($0) } ?? 20
        let page = Array(items.prefix(max(0, limit)))
        return .json([
            "object": "list", "data": .array(page), "first_id": page.first?["id"] ?? .null,
            "last_id": page.last?["id"] ?? .null, "has_more": .bool(page.count < items.count),
        ])
    }
}
