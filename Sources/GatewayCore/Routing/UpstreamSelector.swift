/// Chooses where an attempt goes: by weight within the lowest tier that still has an untried target.
struct UpstreamSelector {
    /// Targets already tried, as bits; the sixty-fifth target of a model and those after it are never chosen.
    private var tried: UInt64 = 0
    private var excluded: UInt64 = 0

    /// Takes a target out of the choice before it begins.
    mutating func exclude(_ index: Int) {
        guard index < 64 else { return }
        self.excluded |= 1 << UInt64(index)
        self.tried = self.excluded
    }

    /// Makes every target that is not excluded a candidate again.
    mutating func restart() { self.tried = self.excluded }

    /// The place in `targets` of the next one to try, or nil when all have been. Costs one pass over the targets.
    mutating func next(_ targets: [CompiledTarget], _ random: inout RandomNumbers) -> Int? {
        // The usual case: one target, not tried yet.
        if targets.count == 1 {
            guard self.tried == 0, targets[0].weight > 0 else { return nil }
            self.tried = 1
            return 0
        }
        guard let tier = self.lowestTier(targets) else { return nil }
        var total = 0
        for index in targets.indices.prefix(64) where self.isOpen(targets, index, tier) {
            total += targets[index].weight
        }
        var draw = random.below(total)
        for index in targets.indices.prefix(64) where self.isOpen(targets, index, tier) {
            draw -= targets[index].weight
            if draw < 0 {
                self.tried |= 1 << UInt64(index)
                return index
            }
        }
        return nil
    }

    /// Targets are sorted by priority, so the first open one names the tier.
    private func lowestTier(_ targets: [CompiledTarget]) -> Int? {
        for index in targets.indices.prefix(64) where self.isOpen(targets, index, targets[index].priority) {
            return targets[index].priority
        }
        return nil
    }

    private func isOpen(_ targets: [CompiledTarget], _ index: Int, _ tier: Int) -> Bool {
        targets[index].priority == tier && targets[index].weight > 0 && self.tried & (1 << UInt64(index)) == 0
    }
}
