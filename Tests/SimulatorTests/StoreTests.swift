import JSONScan
import Testing

@testable import Simulator

struct StoreTests {
    @Test
    func forgetsTheOldestObjects() {
        let store = ObjectStore(maximumBytes: 3000)
        for number in 0..<4 {
            let content = [UInt8](repeating: 0, count: 1000)
            store.put(StoredObject(kind: .file, id: "f\(number)", json: [:], content: content))
        }
        #expect(store.get(.file, "f0") == nil)
        #expect(store.list(.file).map(\.id) == ["f3", "f2"])
        #expect(store.remove(.file, "f3"))
        #expect(!store.remove(.file, "f3"))
    }

    @Test
    func remembersTheLastRequestsAndCountsAll() {
        let recorder = RequestRecorder(capacity: 2, bodyBytes: 3)
        let ids = (0..<3).map { _ in
            recorder.begin(endpoint: "e") { id in
                .init(id: id, method: "GET", path: "/", query: "", headers: [], receivedAt: 0)
            }
        }
        recorder.setBody(Array("abcdef".utf8), of: ids[2])
        recorder.end(ids[0], .complete)
        recorder.end(ids[2], .clientGone)
        let last = recorder.requests["requests"]?.array?.last
        #expect(recorder.requests["requests"]?.array?.count == 2)
        #expect(last?["body"] == "abc")
        #expect(last?["body_bytes"] == 6)
        #expect(last?["end"] == "client_gone")
        #expect(recorder.counts["received"] == 3)
        #expect(recorder.counts["open"] == 1)
        recorder.reset()
        recorder.end(ids[1], .complete)
        #expect(recorder.counts["complete"] == 0)
        #expect(recorder.counts["open"] == 0)
    }

    @Test
    func readsAForm() throws {
        let body =
            "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
            + "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n"
            + "content-type: text/plain\r\n\r\none\r\n--two\r\n--x--\r\n"
        let form = try #require(MultipartForm(contentType: "multipart/form-data; boundary=x", body: Array(body.utf8)))
        #expect(form.text("purpose") == "batch")
        #expect(form.part("file")?.filename == "a.txt")
        #expect(form.part("file")?.text == "one\r\n--two")
    }

    @Test(arguments: ["", "--x", "--x\r\n", "--x\r\n\r\n\r\n--x--", "--x\r\na: b\r\n\r\n1\r\n--x--"])
    func refusesWhatIsNoForm(_ body: String) {
        #expect(MultipartForm(contentType: "multipart/form-data; boundary=x", body: Array(body.utf8)) == nil)
    }
}
