internal import GatewayModel
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ServiceKit
internal import Storage

/// Questions about usage: sums, and the records behind them.
struct UsageEndpoints {
    let ledger: UsageLedger
    /// Seconds since 1970.
    let now: @Sendable () -> Int64

    private static let readers = Access.roles([.admin, .editor, .viewer, .auditor])
    private static let types = ["application/json", "text/csv", "application/x-ndjson"]

    var endpoints: [Endpoint] {
        [
            Endpoint(
                .get,
                "/api/v1/usage",
                access: Self.readers,
                operation: "usage",
                summary: "Requests, tokens and cost, added up by what `group` names, over whole hours.",
                answer: .init(.ok, "Usage", types: Self.types),
                query: UsageParameters.sums,
                handle: self.sums
            ),
            Endpoint(
                .get,
                "/api/v1/usage/records",
                access: Self.readers,
                operation: "usageRecords",
                summary: "Usage records, newest first. As csv or jsonl: all of them, in one answer.",
                answer: .init(.ok, "UsageRecordPage", types: Self.types),
                query: UsageParameters.common + [.init("outcome", "Only with this outcome.")] + Endpoint.Query.paging,
                handle: self.records
            ),
        ]
    }

    @Sendable private func sums(_ request: ServiceRequest) async throws -> Response {
        let parameters = UsageParameters(request: request, now: self.now())
        let query = try parameters.sumsQuery()
        let format = try parameters.format()
        let rows = try await self.ledger.store.usage(query).map { UsageTable.document($0, query) }
        guard format == .json else { return Self.table(rows, query, format) }
        return .json([
            "from": .string(Timestamp.text(query.hours.lowerBound * 3600)),
            "to": .string(Timestamp.text(query.hours.upperBound * 3600)),
            "rows": .array(rows),
            "complete": .bool(rows.count < query.limit),
        ])
    }

    @Sendable private func records(_ request: ServiceRequest) async throws -> Response {
        let parameters = UsageParameters(request: request, now: self.now())
        let query = try parameters.recordQuery()
        let format = try parameters.format()
        guard format == .json else { return self.export(query, format, hasLimit: request.query("limit") != nil) }
        let entries = try await self.ledger.store.records(query)
        let next = entries.count < query.limit ? nil : entries.last.map { "\(RecordQuery.Place($0.record))" }
        return .json(["items": .array(entries.map(UsageTable.document)), "next": next.map { .string($0) } ?? .null])
    }

    // MARK: export

    private static func table(
        _ rows: [DocumentValue],
        _ query: UsageQuery,
        _ format: UsageParameters.Format
    ) -> Response {
        var body = ByteBuffer()
        if format == .csv { body.writeString(UsageTable.csvHeading(query)) }
        for row in rows { Self.write(row, format, into: &body) }
        return Response(status: .ok, headers: Self.headers(format), body: ResponseBody(byteBuffer: body))
    }

    /// All records, page by page, so that memory does not depend on how many there are.
    private func export(_ query: RecordQuery, _ format: UsageParameters.Format, hasLimit: Bool) -> Response {
        let store = self.ledger.store
        let body = ResponseBody { writer in
            var query = query
            if !hasLimit { query.limit = PageRequest.maximumLimit }
            var chunk = ByteBuffer()
            if format == .csv { chunk.writeString(UsageTable.csvHeadingOfRecords()) }
            while true {
                let entries = try await store.records(query)
                for entry in entries { Self.write(UsageTable.exported(entry), format, into: &chunk) }
                if chunk.readableBytes > 0 { try await writer.write(chunk) }
                chunk.clear()
                guard !hasLimit, entries.count == query.limit, let last = entries.last else { break }
                query.after = RecordQuery.Place(last.record)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: Self.headers(format), body: body)
    }

    private static func write(_ row: DocumentValue, _ format: UsageParameters.Format, into body: inout ByteBuffer) {
        if format == .csv {
            body.writeString(UsageTable.csvRow(row))
        } else {
            body.writeBytes(row.json())
            body.writeInteger(UInt8(ascii: "\n"))
        }
    }

    private static func headers(_ format: UsageParameters.Format) -> HTTPFields {
        [.contentType: format == .csv ? "text/csv; charset=utf-8" : "application/x-ndjson"]
    }
}
