/// A reference that is not counted, to an object that certainly outlives whoever holds this.
///
/// `unowned(unsafe)` says the same, and is counted at each use all the same: two atomic operations, some ten nanoseconds.
@usableFromInline
package struct Uncounted<Object: AnyObject>: BitwiseCopyable {
    @usableFromInline let reference: Unmanaged<Object>

    @inlinable
    package init(_ object: Object) { self.reference = .passUnretained(object) }

    /// The object, counted: for whoever keeps it.
    @inlinable package var counted: Object { self.reference.takeUnretainedValue() }

    /// Has `body` work with the object, which it must not keep.
    @inlinable @inline(__always)
    package func use<Value>(_ body: (Object) -> Value) -> Value { self.reference._withUnsafeGuaranteedRef(body) }

    /// The same for what may fail.
    @inlinable @inline(__always)
    package func tryUse<Value, Failure: Error>(
        _ body: (Object) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        // The standard library's function knows no types of errors.
        try self.use { object in Result { () throws(Failure) in try body(object) } }.get()
    }
}

extension Uncounted: Sendable where Object: Sendable {}

/// The objects of one kind that a routing table has, by index. Whoever asks the table keeps it, and so all of them; `use` looks at
/// one without counting, the subscript gives a reference of one's own.
struct Parts<Part: AnyObject & Sendable>: RandomAccessCollection, Sendable {
    private let kept: [Part]
    private let parts: [Uncounted<Part>]

    init(_ parts: [Part]) {
        self.kept = parts
        self.parts = parts.map(Uncounted.init)
    }

    var startIndex: Int { 0 }
    var endIndex: Int { self.parts.count }

    subscript(index: Int) -> Part { self.kept[index] }

    /// Has `body` work with the part at `index`, which it must not keep.
    @inline(__always)
    func use<Value>(_ index: Int, _ body: (Part) -> Value) -> Value { self.parts[index].use(body) }

    /// The same for what may fail.
    @inline(__always)
    func tryUse<Value, Failure: Error>(
        _ index: Int,
        _ body: (Part) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try self.parts[index].tryUse(body)
    }
}
