import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JSONScan
import Testing

@testable import Simulator

/// The whole server over loopback: status, form and pace of what it sends.
struct ServerTests {
    private func post(
        _ path: String,
        _ body: String,
        headers: HTTPFields = [.authorization: "Bearer k"],
        options: SimulatorOptions = SimulatorOptions()
    ) async throws -> TestResponse {
        try await Simulator(options).application().test(.live) { client in
            try await client.execute(uri: path, method: .post, headers: headers, body: ByteBuffer(string: body))
        }
    }

    private func json(_ response: TestResponse) throws -> JSON {
        try JSON(parsing: Array(buffer: response.body))
    }

    private func events(_ response: TestResponse) -> [String] {
        String(buffer: response.body).split(separator: "\n").filter { $0.hasPrefix("data: ") }.map {
            String($0.dropFirst(6))
        }
    }

    private static let chat = #"{"model":"m","messages":[{"role":"user","content":"one two three"}]"#

    @Test
    func sameRequestSameBytes() async throws {
        let first = try await self.post("/v1/chat/completions", Self.chat + "}")
        let second = try await self.post("/v1/chat/completions", Self.chat + "}")
        #expect(first.body == second.body)
        let usage = try self.json(first)["usage"]
        let text = try self.json(first)["choices"]?.array?.first?["message"]?["content"]?.string ?? ""
        #expect(usage?["prompt_tokens"] == 3)
        #expect(usage?["completion_tokens"]?.int == Text.tokens(in: text))
    }

    @Test
    func chatStreamHasRoleTextFinishUsageDone() async throws {
        let body = Self.chat + #","stream":true,"stream_options":{"include_usage":true},"max_tokens":2}"#
        let events = self.events(try await self.post("/v1/chat/completions", body))
        #expect(events.last == "[DONE]")
        let chunks = try events.dropLast().map { try JSON(parsing: Array($0.utf8)) }
        let deltas = chunks.compactMap { $0["choices"]?.array?.first }
        #expect(deltas.first?["delta"]?["role"] == "assistant")
        #expect(deltas.compactMap { $0["delta"]?["content"]?.string }.filter { !$0.isEmpty }.count == 2)
        #expect(deltas.last?["finish_reason"] == "length")
        #expect(chunks.last?["choices"] == [])
        #expect(chunks.last?["usage"]?["total_tokens"] == 5)
    }

    @Test
    func chatStreamHasNoUsageUnasked() async throws {
        let response = try await self.post("/v1/chat/completions", Self.chat + #","stream":true}"#)
        #expect(!String(buffer: response.body).contains("usage"))
    }

    @Test
    func responseEventsAreNumbered() async throws {
        let body = #"{"model":"m","input":"hello","stream":true}"#
        let events = try self.events(try await self.post("/v1/responses", body)).map {
            try JSON(parsing: Array($0.utf8))
        }
        #expect(events.map { $0["sequence_number"]?.int } == (0..<events.count).map { $0 })
        #expect(events.first?["type"] == "response.created")
        #expect(events.last?["type"] == "response.completed")
        let text = events.filter { $0["type"] == "response.output_text.delta" }.compactMap { $0["delta"]?.string }
            .joined()
        #expect(events.last?["response"]?["output"]?.array?.first?["content"]?.array?.first?["text"]?.string == text)
    }

    @Test
    func messageEventsFollowTheirGrammar() async throws {
        let body = #"{"model":"m","max_tokens":3,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#
        let response = try await self.post("/v1/messages", body)
        let names = String(buffer: response.body).split(separator: "\n").filter { $0.hasPrefix("event: ") }.map {
            $0.dropFirst(7)
        }
        let deltas = Array(repeating: "content_block_delta", count: 3)
        let end = ["content_block_stop", "message_delta", "message_stop"]
        #expect(names.map { String($0) } == ["message_start", "ping", "content_block_start"] + deltas + end)
        let last = try JSON(parsing: Array(self.events(response).dropLast().last.map { $0.utf8 } ?? "".utf8))
        #expect(last["delta"]?["stop_reason"] == "max_tokens")
        #expect(last["usage"]?["output_tokens"] == 3)
    }

    @Test(arguments: [
        ("/v1/chat/completions", "{", 400), ("/v1/chat/completions", "[]", 400), ("/v1/chat/completions", "{}", 400),
        ("/v1/messages", "{}", 400), ("/v1/embeddings", #"{"model":"m"}"#, 400), ("/v1/nothing", "{}", 404),
        ("/v1/files", "{}", 400),
    ])
    func refusesBadRequests(_ path: String, _ body: String, _ status: Int) async throws {
        let response = try await self.post(path, body)
        #expect(response.status.code == status)
        #expect(try self.json(response)["error"]?["message"]?.string != nil)
    }

    @Test
    func wantsItsCredential() async throws {
        let options = SimulatorOptions(credential: .key("right"))
        let wrong = try await self.post("/v1/messages", "{}", options: options)
        #expect(wrong.status == .unauthorized)
        #expect(try self.json(wrong)["error"]?["type"] == "authentication_error")
        let none = try await self.post("/v1/chat/completions", Self.chat + "}", headers: [:])
        #expect(none.status == .unauthorized)
        let right = try await self.post(
            "/v1/chat/completions",
            Self.chat + "}",
            headers: [.authorization: "Bearer right"],
            options: options
        )
        #expect(right.status == .ok)
    }

    @Test
    func failsOnRequest() async throws {
        let body = Self.chat.replacing("\"m\"", with: "\"sim-status-429-retry-7\"") + "}"
        let response = try await self.post("/v1/chat/completions", body)
        #expect(response.status.code == 429)
        #expect(response.headers[.retryAfter] == "7")
    }

    @Test
    func cutsInTheMiddle() async throws {
        let body = Self.chat.replacing("\"m\"", with: "\"sim-cut-40\"") + "}"
        try await Simulator().application().test(.live) { client in
            _ = await #expect(throws: (any Error).self) {
                try await client.execute(
                    uri: "/v1/chat/completions",
                    method: .post,
                    headers: [.authorization: "Bearer k"],
                    body: ByteBuffer(string: body)
                )
            }
        }
    }

    @Test
    func damagesAndCompresses() async throws {
        let damaged = try await self.post(
            "/v1/chat/completions",
            Self.chat.replacing("\"m\"", with: "\"sim-malformed-10\"") + "}"
        )
        #expect(Array(buffer: damaged.body)[10..<14] == [0xFF, 0x00, 0x7B, 0xFE])
        let packed = try await self.post(
            "/v1/chat/completions",
            Self.chat.replacing("\"m\"", with: "\"sim-gzip\"") + "}"
        )
        #expect(packed.headers[.contentEncoding] == "gzip")
        #expect(Array(buffer: packed.body).starts(with: [0x1F, 0x8B]))
    }

    @Test
    func keepsFiles() async throws {
        let form =
            "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
            + "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc\r\n--b--\r\n"
        let headers: HTTPFields = [.authorization: "Bearer k", .contentType: "multipart/form-data; boundary=b"]
        let key: HTTPFields = [.authorization: "Bearer k"]
        try await Simulator().application().test(.live) { client in
            let created = try await client.execute(
                uri: "/v1/files",
                method: .post,
                headers: headers,
                body: ByteBuffer(string: form)
            )
            let id = try self.json(created)["id"]?.string ?? ""
            let content = try await client.execute(uri: "/v1/files/\(id)/content", method: .get, headers: key)
            #expect(String(buffer: content.body) == "abc")
            let deleted = try await client.execute(uri: "/v1/files/\(id)", method: .delete, headers: key)
            #expect(try self.json(deleted)["deleted"] == true)
            let gone = try await client.execute(uri: "/v1/files/\(id)", method: .get, headers: key)
            #expect(gone.status == .notFound)
            let counts = try await client.execute(uri: "/-/count", method: .get)
            #expect(try self.json(counts)["received"] == 4)
        }
    }
}
