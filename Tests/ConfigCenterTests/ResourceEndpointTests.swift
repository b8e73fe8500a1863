import ConfigCenter
import GatewayModel
import HTTPTypes
import ServiceKit
import Storage
import Testing

struct ResourceEndpointTests {
    @Test func createsReadsReplacesAndDeletes() async throws {
        try await Fixture.run { fixture in
            let created = try await fixture.call(.post, "/api/v1/namespaces", #"{"name":"a/b"}"#)
            #expect(created.status == 201 && created.eTag == "\"1\"")
            #expect(created.json["meta"]?["managedBy"] == "api")
            let again = try await fixture.call(.post, "/api/v1/namespaces", #"{"name":"a/b"}"#)
            #expect(again.status == 409 && again.code == "already_exists")

            let read = try await fixture.call(.get, "/api/v1/namespaces/a%2Fb")
            #expect(read.status == 200 && read.json["anonymous"] == false && read.eTag == "\"1\"")
            // What was read may be sent back as it is.
            var body = try #require(read.json.object)
            body.set("anonymous", true)
            let text = String(decoding: DocumentValue.object(body).json(), as: UTF8.self)
            let blind = try await fixture.call(.put, "/api/v1/namespaces/a%2Fb", text)
            #expect(blind.status == 428 && blind.code == "precondition_required")
            let stale = try await fixture.call(.put, "/api/v1/namespaces/a%2Fb", text, headers: [.ifMatch: "\"7\""])
            #expect(stale.status == 412 && stale.code == "changed_meanwhile")
            let put = try await fixture.call(.put, "/api/v1/namespaces/a%2Fb", text, headers: [.ifMatch: "\"1\""])
            #expect(put.status == 200 && put.json["anonymous"] == true && put.eTag == "\"2\"")

            let wrong = try await fixture.call(.delete, "/api/v1/namespaces/a%2Fb", headers: [.ifMatch: "\"1\""])
            #expect(wrong.status == 412)
            #expect(try await fixture.call(.delete, "/api/v1/namespaces/a%2Fb").status == 204)
            #expect(try await fixture.call(.get, "/api/v1/namespaces/a%2Fb").status == 404)
            #expect(try await fixture.call(.delete, "/api/v1/namespaces/a%2Fb").status == 404)
        }
    }

    @Test func namesWithStarsAreFound() async throws {
        try await Fixture.run { fixture in
            try await fixture.applyConfig()
            #expect(try await fixture.call(.get, "/api/v1/models/gpt-%2A").json["name"] == "gpt-*")
            #expect(try await fixture.call(.get, "/api/v1/models/gpt-*").json["name"] == "gpt-*")
            #expect(try await fixture.call(.get, "/api/v1/models/gpt-%zz").status == 400)
        }
    }

    @Test func pagesByName() async throws {
        try await Fixture.run { fixture in
            for name in ["c", "a", "b"] {
                try await fixture.call(.post, "/api/v1/namespaces", #"{"name":"\#(name)"}"#)
            }
            let first = try await fixture.call(.get, "/api/v1/namespaces?limit=2").json
            #expect(first["items"]?.array?.compactMap { $0["name"] } == ["a", "b"])
            #expect(first["next"] == "b")
            let second = try await fixture.call(.get, "/api/v1/namespaces?limit=2&after=b").json
            #expect(second["items"]?.array?.compactMap { $0["name"] } == ["c"])
            #expect(second["next"] == .null)
            #expect(try await fixture.call(.get, "/api/v1/namespaces?limit=0").status == 400)
        }
    }

    @Test func aKeysValueIsToldOnce() async throws {
        try await Fixture.run { fixture in
            try await fixture.call(.post, "/api/v1/namespaces", #"{"name":"n"}"#)
            let created = try await fixture.call(.post, "/api/v1/keys", #"{"name":"k","namespace":"n"}"#)
            let value = try #require(created.json["value"]?.string)
            let snapshot = try #require(fixture.center.currentSnapshot())
            #expect(snapshot.keys[0].digest == KeyedHash.keyDigest(Secret(value), pepper: snapshot.keyPepper))
            let read = try await fixture.call(.get, "/api/v1/keys/k")
            #expect(read.json["value"] == nil && read.json["digest"] == nil)
            #expect(read.json["meta"]?["hint"]?.string == String(value.suffix(4)))
            // A change without value keeps it.
            let put = try await fixture.call(
                .put,
                "/api/v1/keys/k",
                #"{"namespace":"n","models":["gpt-*"]}"#,
                headers: [.ifMatch: "*"]
            )
            #expect(put.status == 200)
            #expect(fixture.center.currentSnapshot()?.keys[0].digest == snapshot.keys[0].digest)
        }
    }

    @Test func namesEveryWrongField() async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.call(
                .post,
                "/api/v1/upstreams",
                #"{"name":"u","dialect":"openai","baseURL":"http://169.254.169.254","limits":{"queue":-1},"x":1}"#
            )
            #expect(answer.status == 422 && answer.code == "invalid_document")
            #expect(answer.headers[.contentType] == "application/problem+json")
            #expect(answer.json["path"] == "baseURL")
            #expect(answer.json["problems"]?.array?.compactMap { $0["path"] } == ["baseURL", "limits.queue", "x"])
            let duplicate = try await fixture.call(.post, "/api/v1/keys", #"{"name":"a","name":"b"}"#)
            #expect(duplicate.status == 400 && duplicate.code == "malformed_body")
            let large = try await fixture.call(.post, "/api/v1/keys", String(repeating: " ", count: 1 << 20 + 1))
            #expect(large.status == 413 && large.code == "body_too_large")
            #expect(try await fixture.call(.get, "/api/v1/nonsense").code == "not_found")
        }
    }

    @Test func whatIsReferredToStays() async throws {
        try await Fixture.run { fixture in
            try await fixture.applyConfig()
            let answer = try await fixture.call(.delete, "/api/v1/upstreams/openai")
            #expect(answer.status == 409 && answer.code == "still_referenced")
            #expect(answer.json["path"] == #"models["gpt-*"].targets[0].upstream"#)
            #expect(try await fixture.call(.get, "/api/v1/upstreams/openai").status == 200)
        }
    }

    @Test func filesOwnWhatTheyName() async throws {
        try await Fixture.run { fixture in
            let file = try ConfigDocument(yaml: "namespaces: [{ name: a }, { name: b }]", environment: { _ in nil })
            _ = try await fixture.center.apply(file, managedBy: .file)
            let put = try await fixture.call(
                .put,
                "/api/v1/namespaces/a",
                #"{"anonymous":true}"#,
                headers: [.ifMatch: "*"]
            )
            #expect(put.status == 409 && put.code == "managed_by_file")
            #expect(try await fixture.call(.delete, "/api/v1/namespaces/a").code == "managed_by_file")
            let apply = try await fixture.call(.post, "/api/v1/apply", #"{"namespaces":{"name":"a","anonymous":true}}"#)
            #expect(apply.code == "managed_by_file")

            let released = try await fixture.call(.post, "/api/v1/namespaces/a/release")
            #expect(released.json["meta"]?["managedBy"] == "api")
            #expect(try await fixture.call(.delete, "/api/v1/namespaces/a").status == 204)

            let smaller = try ConfigDocument(
                yaml: "{ namespaces: [{ name: c }], prune: true }",
                environment: { _ in nil }
            )
            try await fixture.call(.post, "/api/v1/namespaces", #"{"name":"mine"}"#)
            _ = try await fixture.center.apply(smaller, managedBy: .file)
            #expect(fixture.center.currentSnapshot()?.namespaces.map(\.name) == ["c", "mine"])
        }
    }
}
