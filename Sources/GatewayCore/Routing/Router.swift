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
            if let patterns = route.paths, !patterns.contains(where: { $0.matches(path) }) { continue }
            if let patterns = route.models, !patterns.contains(where: { $0.matches(model) }) { continue }
            guard let patterns = route.namespaces else { return index }
            let name = self.table.namespaces[namespace].name
            if name.withUnsafeBytes({ name in patterns.contains { $0.matches(name) } }) { return index }
        }
        return routes.count - 1
    }
}
