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
        let routes = self.table.routes
        for index in routes.indices {
            let route = routes[index]
            guard Self.fits(path, route.paths), Self.fits(model, route.models) else { continue }
            if route.namespaces == nil { return index }
            let name = self.table.namespaces[namespace].name
            if name.withUnsafeBytes({ Self.fits($0, route.namespaces) }) { return index }
        }
        return routes.count - 1
    }

    @inline(__always)
    private static func fits(_ name: UnsafeRawBufferPointer, _ patterns: [NamePattern]?) -> Bool {
        guard let patterns else { return true }
        for index in patterns.indices where patterns[index].matches(name) { return true }
        return false
    }
}
