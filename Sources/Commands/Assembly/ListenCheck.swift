import GatewayServer

/// Finds out before anything is set up whether a service can listen where it is told to: the first run tells its password
/// when everything listens, so a first run that gets no further would keep it to itself.
enum ListenCheck {
    static func port(_ port: Int, _ portFlag: String, on host: String, _ hostFlag: String) throws(OptionError) {
        do { try PortProbe.check(host: host, port: port) } catch let error as PortInUse {
            let hint = error.isTaken ? "; choose another port with \(portFlag)" : "; see \(hostFlag) and \(portFlag)"
            throw OptionError("\(error)\(hint)", exitCode: 1)
        } catch {
            throw OptionError("\(hostFlag): `\(host)` is not an address of this machine", exitCode: 1)
        }
    }

    static func gateway(_ options: ServerOptions) throws(OptionError) {
        try self.port(
            options.gatewayPort,
            ProcessOption.gatewayPort.flag,
            on: options.host,
            ProcessOption.host.flag
        )
    }

    static func tokenService(_ options: ServerOptions) throws(OptionError) {
        try self.port(
            options.tokenServicePort,
            ProcessOption.tokenServicePort.flag,
            on: options.adminHost,
            ProcessOption.adminHost.flag
        )
    }

    static func configCenter(_ options: ServerOptions) throws(OptionError) {
        try self.port(
            options.configCenterPort,
            ProcessOption.configCenterPort.flag,
            on: options.adminHost,
            ProcessOption.adminHost.flag
        )
    }
}
