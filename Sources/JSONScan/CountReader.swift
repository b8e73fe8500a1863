import CByteScan

/// Reads counts out of one small JSON object and the objects within it, such as a provider's `usage`, without allocating.
///
/// Made once for the names that a provider uses. A count that is absent, null, negative, no integer or beyond all reason
/// reads as nil; so does everything of an object that has one of the names twice, because readers disagree on which one
/// holds, or is malformed, as far as `byte_scan_members` looks: an upstream's account of its own call is not proofread.
///
/// WHY: `@unchecked Sendable`: the pointers within the names are those of literals.
@usableFromInline
package struct CountReader: @unchecked Sendable {
    /// What was found, by the places that the names have in the reader.
    ///
    /// Not copyable: it is large, and a look at one count would copy all.
    @usableFromInline
    package struct Counts: ~Copyable {
        @usableFromInline fileprivate(set) var values = InlineArray<24, UInt64>(repeating: 0)
        /// A bit for each place: a valid count, or an object.
        @usableFromInline fileprivate(set) var found: UInt32 = 0

        /// The count at `place`.
        @inlinable @inline(__always) package subscript(place: Int) -> UInt64? {
            // WHY: mutating: a look at what is only borrowed copies the whole array.
            mutating get { self.has(place) ? self.values[place] : nil }
        }

        /// Whether there is a count, or an object, at `place`.
        @inlinable @inline(__always) package func has(_ place: Int) -> Bool { self.found >> UInt32(place) & 1 == 1 }
    }

    /// More than any answer can have of anything; sums over many of them stay within 64 bits.
    private static let countLimit: UInt64 = 1_000_000_000_000
    private static let digitLimit = 13
    private static let depthLimit = 64

    let names: [byte_scan_name]
    /// A bit for each place that is an object's.
    private let nested: UInt32
    /// Stands for the object itself; the names of its members come first.
    let root: byte_scan_name

    /// Reads the members `names`, which get the places 0, 1, …, and of those objects among them that `nested` names by
    /// place, the members given there, which get the places behind. At most 24 together.
    package init(_ names: [StaticString], nested: [(of: Int, names: [StaticString])] = []) {
        precondition(names.count + nested.reduce(0) { $0 + $1.names.count } <= 24, "more names than places")
        var all = names.map { byte_scan_name(of: $0) }
        for object in nested {
            all[object.of].first_child = all.count
            all[object.of].child_count = object.names.count
            all += object.names.map { byte_scan_name(of: $0) }
        }
        for object in nested { all.withUnsafeMutableBufferPointer { byte_scan_index(&$0[object.of], $0.baseAddress) } }
        var root = byte_scan_name(of: "", children: names.count)
        all.withUnsafeMutableBufferPointer { byte_scan_index(&root, $0.baseAddress) }
        self.names = all
        self.nested = nested.reduce(0) { $0 | 1 << UInt32($1.of) }
        self.root = root
    }

    /// The counts of the object that `bytes` hold.
    package func read(_ bytes: [UInt8]) -> Counts {
        var counts = Counts()
        bytes.withUnsafeBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: byte_scan_member.self, capacity: self.names.count) { members in
                var hints: Int32 = 0
                var root = self.root
                let isPlain = byte_scan_members(
                    bytes.baseAddress,
                    bytes.count,
                    Self.depthLimit,
                    &root,
                    self.names,
                    self.names.count,
                    members.baseAddress,
                    &hints
                )
                if isPlain == 1 { self.count(bytes, UnsafeBufferPointer(members), into: &counts) }
            }
        }
        return counts
    }

    /// Counts the members that a pass over `bytes` has found, by place.
    func count(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ members: UnsafeBufferPointer<byte_scan_member>,
        into counts: inout Counts
    ) {
        for place in 0..<members.count where members[place].end > 0 {
            let bit: UInt32 = 1 &<< UInt32(truncatingIfNeeded: place)
            if self.nested & bit != 0 {
                if bytes[members[place].start] == UInt8(ascii: "{") { counts.found |= bit }
            } else if let count = Self.count(bytes, members[place]) {
                counts.values[place] = count
                counts.found |= bit
            }
        }
    }

    @inline(__always)
    private static func count(_ bytes: UnsafeBufferPointer<UInt8>, _ member: byte_scan_member) -> UInt64? {
        // More digits than the limit has are more than it, and more than 64 bits hold.
        guard member.end &- member.start <= Self.digitLimit else { return nil }
        var number: UInt64 = 0
        var index = member.start
        while index < member.end {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            number = number &* 10 &+ UInt64(digit)
            index &+= 1
        }
        return number <= Self.countLimit ? number : nil
    }
}

extension byte_scan_name {
    /// A name, or with the empty one whatever the document is; its children come first.
    init(of name: StaticString, children: Int = 0) {
        self.init()
        (self.bytes, self.length) = (name.utf8Start, name.utf8CodeUnitCount)
        self.child_count = children
    }
}
