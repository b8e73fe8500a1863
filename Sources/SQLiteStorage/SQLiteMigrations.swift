internal import GRDB

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
        migrator.registerMigration("0001-ledger") { db in try db.execute(sql: Self.ledgerTables) }
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

    // The records' tables are made day by day, by `LedgerTables`.
    private static let ledgerTables = """
        CREATE TABLE ledgerSetting (
            name TEXT NOT NULL PRIMARY KEY,
            value INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE series (
            id INTEGER NOT NULL PRIMARY KEY,
            namespace TEXT NOT NULL,
            "key" TEXT NOT NULL,
            model TEXT NOT NULL,
            model_served TEXT NOT NULL,
            upstream TEXT NOT NULL,
            currency TEXT NOT NULL,
            UNIQUE (namespace, "key", model, model_served, upstream, currency)
        ) STRICT;
        CREATE TABLE usageByHour (
            hour INTEGER NOT NULL,
            series INTEGER NOT NULL REFERENCES series (id),
            requests INTEGER NOT NULL, failed INTEGER NOT NULL, unpriced INTEGER NOT NULL,
            input INTEGER NOT NULL, cachedInput INTEGER NOT NULL, cacheWrite INTEGER NOT NULL,
            output INTEGER NOT NULL, reasoning INTEGER NOT NULL, audio INTEGER NOT NULL, image INTEGER NOT NULL,
            costMicros INTEGER NOT NULL, costRest INTEGER NOT NULL CHECK (costRest BETWEEN 0 AND 999999),
            durationMicros INTEGER NOT NULL, firstByteMicros INTEGER NOT NULL, firstBytes INTEGER NOT NULL,
            PRIMARY KEY (hour, series)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE usageByDay (
            day INTEGER NOT NULL,
            series INTEGER NOT NULL REFERENCES series (id),
            requests INTEGER NOT NULL, failed INTEGER NOT NULL, unpriced INTEGER NOT NULL,
            input INTEGER NOT NULL, cachedInput INTEGER NOT NULL, cacheWrite INTEGER NOT NULL,
            output INTEGER NOT NULL, reasoning INTEGER NOT NULL, audio INTEGER NOT NULL, image INTEGER NOT NULL,
            costMicros INTEGER NOT NULL, costRest INTEGER NOT NULL CHECK (costRest BETWEEN 0 AND 999999),
            durationMicros INTEGER NOT NULL, firstByteMicros INTEGER NOT NULL, firstBytes INTEGER NOT NULL,
            PRIMARY KEY (day, series)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE usageOfAllKeysByHour (
            hour INTEGER NOT NULL,
            series INTEGER NOT NULL REFERENCES series (id),
            requests INTEGER NOT NULL, failed INTEGER NOT NULL, unpriced INTEGER NOT NULL,
            input INTEGER NOT NULL, cachedInput INTEGER NOT NULL, cacheWrite INTEGER NOT NULL,
            output INTEGER NOT NULL, reasoning INTEGER NOT NULL, audio INTEGER NOT NULL, image INTEGER NOT NULL,
            costMicros INTEGER NOT NULL, costRest INTEGER NOT NULL CHECK (costRest BETWEEN 0 AND 999999),
            durationMicros INTEGER NOT NULL, firstByteMicros INTEGER NOT NULL, firstBytes INTEGER NOT NULL,
            PRIMARY KEY (hour, series)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE usageOfAllKeysByDay (
            day INTEGER NOT NULL,
            series INTEGER NOT NULL REFERENCES series (id),
            requests INTEGER NOT NULL, failed INTEGER NOT NULL, unpriced INTEGER NOT NULL,
            input INTEGER NOT NULL, cachedInput INTEGER NOT NULL, cacheWrite INTEGER NOT NULL,
            output INTEGER NOT NULL, reasoning INTEGER NOT NULL, audio INTEGER NOT NULL, image INTEGER NOT NULL,
            costMicros INTEGER NOT NULL, costRest INTEGER NOT NULL CHECK (costRest BETWEEN 0 AND 999999),
            durationMicros INTEGER NOT NULL, firstByteMicros INTEGER NOT NULL, firstBytes INTEGER NOT NULL,
            PRIMARY KEY (day, series)
        ) STRICT, WITHOUT ROWID;
        """
}
