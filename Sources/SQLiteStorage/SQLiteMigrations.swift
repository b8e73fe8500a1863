internal import GRDB
internal import Storage

/// The schema's history. A migration that was ever released never changes; a new one is added at the end.
enum SQLiteMigrations {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("0001-config") { db in try db.execute(sql: Self.config) }
        return migrator
    }

    /// Of the ledger's file, which is another one than the config center's.
    static var ledger: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("0001-ledger") { db in
            for statement in LedgerDialect.sqlite.schema { try db.execute(sql: statement) }
        }
        return migrator
    }

    private static let config = """
        CREATE TABLE resource (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            id TEXT NOT NULL UNIQUE,
            version INTEGER NOT NULL CHECK (version > 0),
            managedBy TEXT NOT NULL CHECK (managedBy IN ('api', 'file')),
            updatedAt INTEGER NOT NULL,
            document BLOB NOT NULL,
            sealed BLOB,
            PRIMARY KEY (kind, name)
        ) STRICT;
        CREATE TABLE snapshot (
            version INTEGER NOT NULL PRIMARY KEY,
            createdAt INTEGER NOT NULL,
            author TEXT NOT NULL,
            reason TEXT NOT NULL,
            contentHash TEXT NOT NULL,
            sealed BLOB NOT NULL
        ) STRICT;
        CREATE TABLE audit (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            actor TEXT NOT NULL,
            origin TEXT NOT NULL,
            action TEXT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            before BLOB NOT NULL,
            after BLOB NOT NULL,
            secretsChanged INTEGER NOT NULL CHECK (secretsChanged IN (0, 1)),
            snapshot INTEGER
        ) STRICT;
        CREATE TABLE user (
            name TEXT NOT NULL PRIMARY KEY,
            role TEXT NOT NULL,
            passwordHash TEXT NOT NULL,
            createdAt INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE token (
            digest TEXT NOT NULL PRIMARY KEY,
            user TEXT NOT NULL,
            role TEXT NOT NULL,
            expiresAt INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX tokenByUser ON token (user);
        CREATE TABLE setting (
            name TEXT NOT NULL PRIMARY KEY,
            value BLOB NOT NULL
        ) STRICT;
        """
}
