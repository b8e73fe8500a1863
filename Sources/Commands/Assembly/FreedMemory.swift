import CMalloc

/// What the allocator does with memory that is freed.
enum FreedMemory {
    /// How much of it, at the end of each thread's heap, is kept for the next use, and the size from which an allocation is
    /// mapped for itself.
    private static let kept: Int32 = 32 << 20

    /// Keeps freed memory instead of giving it back to the kernel at once. A body of a megabyte is memory that is asked for
    /// anew: with glibc's own thresholds (`mallopt(3)`) the kernel takes its pages back after each request and fills them
    /// with zeros for the next, which was a quarter of such a request's time.
    static func keep() {
        _ = mallopt(M_MMAP_THRESHOLD, Self.kept)
        _ = mallopt(M_TRIM_THRESHOLD, Self.kept)
    }
}
