import Testing

@testable import GatewayServer

struct DeadlinesTests {
    private final class Owner: Expiring {
        var deadlineSlot = -1
        var passed: [UInt64] = []

        func deadlinePassed(_ now: UInt64) { self.passed.append(now) }
    }

    @Test func tellsEachOnceWhoseTimeHasCome() {
        let deadlines = Deadlines()
        let owners = (0..<3).map { _ in Owner() }
        for (owner, time) in zip(owners, [10, 20, Deadlines.never]) { deadlines.add(owner, time) }
        deadlines.expire(9)
        #expect(owners.allSatisfy { $0.passed.isEmpty })
        deadlines.expire(20)
        deadlines.expire(30)
        #expect(owners.map(\.passed) == [[20], [20], []])
        deadlines.set(owners[0], 40)
        deadlines.expire(40)
        #expect(owners.map(\.passed) == [[20, 40], [20], []])
    }

    /// More than there is room for at first, and the last one takes the place of whoever goes.
    @Test func keepsTheDeadlinesOfManyThatComeAndGo() {
        let deadlines = Deadlines()
        var owners: [Owner] = []
        for time in 1...1000 as ClosedRange<UInt64> {
            let owner = Owner()
            owners.append(owner)
            deadlines.add(owner, time)
        }
        let gone = owners.indices.filter { $0 % 3 == 0 }
        for index in gone.reversed() { deadlines.remove(owners[index]) }
        for index in gone { deadlines.set(owners[index], 1) }
        deadlines.expire(500)
        for (index, owner) in owners.enumerated() {
            #expect(owner.passed == (index % 3 == 0 || index >= 500 ? [] : [500]))
        }
        // Twice is as once.
        deadlines.remove(owners[0])
        for owner in owners { deadlines.remove(owner) }
        deadlines.expire(Deadlines.never)
        #expect(owners.allSatisfy { $0.deadlineSlot == -1 && $0.passed.count <= 1 })
    }
}
