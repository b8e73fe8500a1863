import Testing

@testable import GatewayCore

struct ProcessLoadTests {
    private static func load() -> ProcessLoad {
        var limits = ProcessLoad.Limits()
        limits.connections = 2
        limits.requests = 2
        limits.bodyBytes = 100
        return ProcessLoad(limits)
    }

    @Test func refusesTheConnectionThatIsOneTooMany() {
        let load = Self.load()
        #expect(load.openConnection() && load.openConnection())
        #expect(!load.openConnection() && load.connections == 2)
        load.closeConnection()
        #expect(load.openConnection())
    }

    @Test func countsTheRequestThatIsOneTooManyUntilItsRefusalIsOut() {
        let load = Self.load()
        #expect(load.beginRequest() && load.beginRequest())
        #expect(!load.beginRequest() && load.requests == 3)
        load.endRequest()
        #expect(!load.beginRequest())
        load.endRequest()
        load.endRequest()
        #expect(load.beginRequest())
    }

    @Test func holdsNoByteMoreThanItMay() {
        let load = Self.load()
        #expect(load.hold(60) && load.hold(40) && !load.hold(1))
        #expect(load.bodyBytes == 100)
        load.release(40)
        #expect(!load.hold(41) && load.hold(40) && load.bodyBytes == 100)
    }
}
