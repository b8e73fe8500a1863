/// Something that may take too long.
protocol Expiring: AnyObject {
    /// Its place in the list; -1 when it is in none. Written by `Deadlines` only.
    var deadlineSlot: Int { get set }

    /// The time that was set has passed.
    func deadlinePassed(_ now: UInt64)
}

/// The deadlines of one loop: one timer looks at all of them, so that setting one is a store into an array.
///
/// A pass over ten thousand entries takes a few microseconds; it is done a few times a second, so a deadline is late by at
/// most that.
final class Deadlines {
    /// No deadline.
    static let never = UInt64.max

    private var times: [UInt64] = []
    private var owners: [any Expiring] = []

    func add(_ owner: any Expiring, _ time: UInt64) {
        owner.deadlineSlot = self.times.count
        self.times.append(time)
        self.owners.append(owner)
    }

    /// Moves a deadline; monotonic nanoseconds, or `never`.
    func set(_ owner: any Expiring, _ time: UInt64) {
        if owner.deadlineSlot >= 0 { self.times[owner.deadlineSlot] = time }
    }

    func remove(_ owner: any Expiring) {
        let slot = owner.deadlineSlot
        guard slot >= 0 else { return }
        owner.deadlineSlot = -1
        let lastTime = self.times.removeLast()
        let lastOwner = self.owners.removeLast()
        if slot < self.times.count {
            self.times[slot] = lastTime
            self.owners[slot] = lastOwner
            lastOwner.deadlineSlot = slot
        }
    }

    /// Tells everyone whose time has come, once.
    func expire(_ now: UInt64) {
        var expired: [any Expiring] = []
        for slot in self.times.indices where self.times[slot] <= now {
            self.times[slot] = Self.never
            expired.append(self.owners[slot])
        }
        for owner in expired { owner.deadlinePassed(now) }
    }
}
