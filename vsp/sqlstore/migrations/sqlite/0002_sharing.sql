-- +goose Up
-- What several processes that share this database tell each other, and what is known of a ticket's fee. -62135596800 is
-- the zero time: not known.

ALTER TABLE tickets ADD COLUMN registered   INTEGER NOT NULL DEFAULT -62135596800;
ALTER TABLE tickets ADD COLUMN fee_received INTEGER NOT NULL DEFAULT -62135596800;
ALTER TABLE tickets ADD COLUMN fee_paid     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tickets ADD COLUMN fee_height   INTEGER NOT NULL DEFAULT 0;

-- There is a row from now on, with the position before the first block.
INSERT OR IGNORE INTO scan (id, height, hash) VALUES (1, 0, zeroblob(32));

-- Tickets that were updated and that the one who leads has not looked at since. No id is used twice.
CREATE TABLE touches (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    ticket BLOB    NOT NULL
) STRICT;

-- Who leads, and until when: milliseconds of UTC since 1970. One row.
CREATE TABLE lease (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    holder TEXT    NOT NULL,
    until  INTEGER NOT NULL
) STRICT;

INSERT INTO lease (id, holder, until) VALUES (1, '', 0);

-- The other addresses that may sign for tickets, which need not be known.
CREATE TABLE alt_signers (
    ticket    BLOB    NOT NULL PRIMARY KEY,
    address   TEXT    NOT NULL,
    request   BLOB    NOT NULL, -- sealed
    signature TEXT    NOT NULL,
    answered  INTEGER NOT NULL
) STRICT;
