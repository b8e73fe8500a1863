import Foundation
import GatewayModel
import Synchronization

/// Waits until everything that was promised listens, then tells the operator: a panel, and the ready file.
final class StartUp: Sendable {
    private struct State {
        var missing: Set<String>
        var facts: [(name: String, value: String)] = []
    }

    private let state: Mutex<State>
    private let readyFile: String?
    private let panel: @Sendable ([String: String]) -> String

    /// `panel` writes what is printed, given all the facts.
    init(
        awaiting names: Set<String>,
        readyFile: String?,
        panel: @escaping @Sendable ([String: String]) -> String
    ) {
        self.state = Mutex(State(missing: names))
        self.readyFile = readyFile
        self.panel = panel
    }

    /// Adds what is known already: keys, passwords.
    func note(_ name: String, _ value: String?) {
        guard let value else { return }
        self.state.withLock { $0.facts.append((name, value)) }
    }

    /// `name` listens at `value`. The last one prints.
    func fulfil(_ name: String, _ value: String) {
        let facts = self.state.withLock { state -> [(name: String, value: String)]? in
            state.facts.append((name, value))
            return state.missing.remove(name) != nil && state.missing.isEmpty ? state.facts : nil
        }
        guard let facts else { return }
        print(self.panel(Dictionary(facts.map { ($0.name, $0.value) }) { $1 }))
        fflush(nil)
        // Last, because whoever waits for it may look at what was printed.
        self.writeReadyFile(facts)
    }

    /// Readers wait for the line's end, so a file that is half written is not taken for a whole one.
    private func writeReadyFile(_ facts: [(name: String, value: String)]) {
        guard let path = self.readyFile else { return }
        let object = DocumentObject(facts.map { ($0.name, DocumentValue.string($0.value)) })
        let line = DocumentValue.object(object).json() + Array("\n".utf8)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }
}
