/// The config center's tables, named as SQLite's are. Names and digests are bytes: they compare and sort byte by byte on
/// every server, where collations ignore trailing spaces or differ between MySQL and MariaDB. `writer` holds the row that
/// writers of all processes lock one after another.
enum MySQLConfigSchema {
    static let migrations = MySQLMigrations(
        "config",
        [Self.resource, Self.snapshot, Self.audit, Self.user, Self.token, Self.setting, Self.writer, Self.writerRow]
    )

    private static let resource = """
        CREATE TABLE IF NOT EXISTS resource (
            kind VARBINARY(32) NOT NULL,
            name VARBINARY(1024) NOT NULL,
            id VARBINARY(64) NOT NULL UNIQUE,
            version BIGINT NOT NULL CHECK (version > 0),
            managedBy VARBINARY(8) NOT NULL CHECK (managedBy IN ('api', 'file')),
            updatedAt BIGINT NOT NULL,
            document LONGBLOB NOT NULL,
            sealed LONGBLOB,
            PRIMARY KEY (kind, name)
        ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4
        """
    private static let snapshot = """
        CREATE TABLE IF NOT EXISTS snapshot (
            version BIGINT UNSIGNED NOT NULL PRIMARY KEY,
            createdAt BIGINT NOT NULL,
            author TEXT NOT NULL,
            reason TEXT NOT NULL,
            contentHash VARBINARY(128) NOT NULL,
            sealed LONGBLOB NOT NULL
        ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4
        """
    private static let audit = """
        CREATE TABLE IF NOT EXISTS audit (
            id BIGINT NOT NULL PRIMARY KEY AUTO_INCREMENT,
            at BIGINT NOT NULL,
            actor TEXT NOT NULL,
            origin TEXT NOT NULL,
            action TEXT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            `before` LONGBLOB NOT NULL,
            `after` LONGBLOB NOT NULL,
            secretsChanged TINYINT NOT NULL CHECK (secretsChanged IN (0, 1)),
            snapshot BIGINT UNSIGNED
        ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4
        """
    private static let user = """
        CREATE TABLE IF NOT EXISTS `user` (
            name VARBINARY(1024) NOT NULL PRIMARY KEY,
            role VARBINARY(64) NOT NULL,
            passwordHash TEXT NOT NULL,
            createdAt BIGINT NOT NULL
        ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4
        """
    private static let token = """
        CREATE TABLE IF NOT EXISTS token (
            digest VARBINARY(128) NOT NULL PRIMARY KEY,
            `user` VARBINARY(1024) NOT NULL,
            role VARBINARY(64) NOT NULL,
            expiresAt BIGINT NOT NULL,
            KEY tokenByUser (`user`),
            KEY tokenByExpiry (expiresAt)
        ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4
        """
    private static let setting = """
        CREATE TABLE IF NOT EXISTS setting (
            name VARBINARY(255) NOT NULL PRIMARY KEY,
            value LONGBLOB NOT NULL
        ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4
        """
    private static let writer = """
        CREATE TABLE IF NOT EXISTS writer (
            name VARBINARY(64) NOT NULL PRIMARY KEY
        ) ENGINE = InnoDB
        """
    private static let writerRow = "INSERT IGNORE INTO writer (name) VALUES ('config')"
}
