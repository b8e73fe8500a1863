import GatewayCore

/// A client's connection, whatever it speaks, as its loop holds it.
protocol ClientChannel: AnyObject {
    /// The process drains: an idle connection closes now, a busy one after its answers.
    func drain()
    /// The process ends.
    func cut()
}

extension Loop {
    /// Counts a connection; the loop drains and cuts it until `closed`.
    func opened(_ channel: any ClientChannel) {
        self.state.metrics.connectionsOpen += 1
        self.connections[ObjectIdentifier(channel)] = channel
    }

    /// Also when another handler takes the connection over, which counts it anew.
    func closed(_ channel: any ClientChannel) {
        guard self.connections.removeValue(forKey: ObjectIdentifier(channel)) != nil else { return }
        self.state.metrics.connectionsOpen -= 1
    }
}
