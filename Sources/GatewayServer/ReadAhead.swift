import CByteScan

/// The memory that the next event of a stream will go through, asked for while the kernel reads the event.
///
/// With hundreds of streams each of them finds its objects gone from the processor's cache, and would wait for one after the
/// other: 3 % of an event's processor time. Addresses only, which nobody follows: what has gone since costs a fetch in vain.
struct ReadAhead {
    /// An object each: its address, and in the four bits that are zeros in it, how many lines it takes.
    private var objects = InlineArray<8, UInt>(repeating: 0)
    private var count = 0

    /// Nothing is known of the next read.
    mutating func forget() { self.count = 0 }

    /// Adds an object: as many lines, from its beginning on, as an event touches. Beyond the eighth object there is no room.
    mutating func add(_ object: AnyObject, lines: Int) {
        self.add(UnsafeRawPointer(Unmanaged.passUnretained(object).toOpaque()), lines: lines)
    }

    /// Adds a place within an object.
    mutating func add(_ place: UnsafeRawPointer, lines: Int = 1) {
        guard self.count < self.objects.count else { return }
        self.objects[self.count] = UInt(bitPattern: place) & ~15 | UInt(min(lines, 15))
        self.count += 1
    }

    /// The addresses, and how many lines of each.
    var places: [(address: UInt, lines: UInt)] {
        (0..<self.count).map { (self.objects[$0] & ~15, self.objects[$0] & 15) }
    }

    /// Asks for all of them, and goes on without waiting.
    @inline(__always)
    func fetch() {
        self.objects.span.withUnsafeBufferPointer { prefetch($0.baseAddress, UInt32(self.count)) }
    }
}
