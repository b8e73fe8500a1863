import Glibc

extension ObjectMap {
    /// Writes the map's file anew without what was deleted since, when that is more than half of it. Objects keep their order,
    /// so that the oldest is still the first to be forgotten. Whatever fails, the file stays as it was.
    ///
    /// Done at start only: the file is small beside what it would take to fill a disk with it between two starts.
    static func compact(_ path: String, beyond bytes: Int) {
        var status = stat()
        guard stat(path, &status) == 0, Int(status.st_size) > bytes, let text = Self.contents(of: path) else { return }
        let living = Self.living(text)
        guard living.count * 2 < text.count else { return }
        let new = "\(path).new"
        guard Self.write(living, to: new), rename(new, path) == 0 else {
            unlink(new)
            return
        }
    }

    /// The lines of the objects that exist, in the order in which they came.
    private static func living(_ text: [UInt8]) -> [UInt8] {
        var places: [ArraySlice<UInt8>: Int] = [:]
        var lines: [ArraySlice<UInt8>] = []
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: "\t"))
            if fields.count == 4, fields[0].elementsEqual("+".utf8), places[fields[1]] == nil {
                places[fields[1]] = lines.count
                lines.append(line)
            } else if fields.count == 2, fields[0].elementsEqual("-".utf8),
                let place = places.removeValue(forKey: fields[1])
            {
                lines[place] = []
            }
        }
        var living: [UInt8] = []
        for line in lines where !line.isEmpty {
            living += line
            living.append(UInt8(ascii: "\n"))
        }
        return living
    }

    /// All of a file; nil when it cannot be read to its end.
    private static func contents(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return count == 0 ? text : nil }
            text += buffer[..<count]
        }
    }

    /// Writes a file and brings it to the disk.
    private static func write(_ text: [UInt8], to path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var done = 0
        while done < text.count {
            let count = text.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
            guard count > 0 else { return false }
            done += count
        }
        return fsync(descriptor) == 0
    }
}
