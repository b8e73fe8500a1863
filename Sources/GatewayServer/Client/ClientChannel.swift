/// A client's connection, whatever it speaks, as its loop holds it.
protocol ClientChannel: AnyObject {
    /// The process drains: an idle connection closes now, a busy one after its answers.
    func drain()
    /// The process ends.
    func cut()
}

extension Loop {
    /// The loop drains and cuts the connection until `closed`.
    func opened(_ channel: any ClientChannel) { self.connections[ObjectIdentifier(channel)] = channel }

    /// Also when another handler takes the connection over.
    func closed(_ channel: any ClientChannel) { self.connections[ObjectIdentifier(channel)] = nil }
}
