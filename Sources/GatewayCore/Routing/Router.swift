import GatewayModel
import HTTPWire

/// Finds the model and the route of a call.
struct Router {
    let table: RoutingTable

    /// The route of a call: the most specific one whose every pattern fits. There is always one, because the compiled
    /// table ends with a route that matches everything.
    ///
    /// `path` is without the namespace's prefix; `model` is empty for calls that name none.
    func route(namespace: Int, path: UnsafeRawBufferPointer, model: UnsafeRawBufferPointer) -> Int {
        for index in self.table.routes.indices {
            if self.table.routes.use(index, { self.fits(namespace, path, model, $0) }) { return index }
        }
        return self.table.routes.count - 1
    }

    @inline(__always)
    private func fits(
        _ namespace: Int,
        _ path: UnsafeRawBufferPointer,
        _ model: UnsafeRawBufferPointer,
        _ route: CompiledRoute
    ) -> Bool {
        guard Self.fits(path, route.paths), Self.fits(model, route.models) else { return false }
        guard route.namespaces != nil else { return true }
        return self.table.namespaces.use(namespace) { namespace in
            namespace.name.withUnsafeBytes { Self.fits($0, route.namespaces) }
        }
    }

    @inline(__always)
    private static func fits(_ name: UnsafeRawBufferPointer, _ patterns: [NamePattern]?) -> Bool {
        guard let patterns else { return true }
        for index in patterns.indices where patterns[index].matches(name) { return true }
        return false
    }
}
