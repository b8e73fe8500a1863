/// An option, a file or a directory that the process cannot start with: what, where, and what would do.
struct OptionError: Error, CustomStringConvertible {
    let description: String
    /// 2 for what was written wrongly, 1 for what the machine refuses.
    let exitCode: Int32

    init(_ description: String, exitCode: Int32 = 2) {
        self.description = description
        self.exitCode = exitCode
    }

    init(_ option: ProcessOption, found: String, expected: String) {
        self.init("\(option.flag): `\(found)` is not \(expected)")
    }
}
