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
///
/// WHY: unsafe memory: a deadline is moved for every event of every stream, and an array would be asked each time whether others
/// share it. There are as many times as owners, and a slot is one of them, or -1.
final class Deadlines {
    /// No deadline.
    static let never = UInt64.max

    private var times = UnsafeMutablePointer<UInt64>.allocate(capacity: 64)
    private var capacity = 64
    private var owners: [any Expiring] = []

    deinit { self.times.deallocate() }

    func add(_ owner: any Expiring, _ time: UInt64) {
        let slot = self.owners.count
        if slot == self.capacity { self.grow() }
        owner.deadlineSlot = slot
        self.times[slot] = time
        self.owners.append(owner)
    }

    private func grow() {
        let fresh = UnsafeMutablePointer<UInt64>.allocate(capacity: 2 * self.capacity)
        fresh.update(from: self.times, count: self.capacity)
        self.times.deallocate()
        self.times = fresh
        self.capacity *= 2
    }

    /// Moves a deadline; monotonic nanoseconds, or `never`.
    @inline(__always)
    func set(_ owner: some Expiring, _ time: UInt64) {
        if owner.deadlineSlot >= 0 { self.times[owner.deadlineSlot] = time }
    }

    func remove(_ owner: any Expiring) {
        let slot = owner.deadlineSlot
        guard slot >= 0 else { return }
        owner.deadlineSlot = -1
        let lastOwner = self.owners.removeLast()
        if slot < self.owners.count {
            self.times[slot] = self.times[self.owners.count]
            self.owners[slot] = lastOwner
            lastOwner.deadlineSlot = slot
        }
    }

    /// Tells everyone whose time has come, once.
    func expire(_ now: UInt64) {
        var expired: [any Expiring] = []
        for slot in self.owners.indices where self.times[slot] <= now {
            self.times[slot] = Self.never
            expired.append(self.owners[slot])
        }
        for owner in expired { owner.deadlinePassed(now) }
    }
}
