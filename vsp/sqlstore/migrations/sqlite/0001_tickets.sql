-- +goose Up
-- Amounts are atoms, times seconds of UTC since 1970, hashes their 32 bytes as on the wire, choices JSON objects of
-- strings. Text is compared byte by byte. The ids tell which row is older.

CREATE TABLE tickets (
    id              INTEGER NOT NULL PRIMARY KEY,
    hash            BLOB    NOT NULL UNIQUE,
    commitment      TEXT    NOT NULL,
    confirmed       INTEGER NOT NULL,
    purchase_height INTEGER NOT NULL,
    fee_xpub        TEXT    NOT NULL,
    fee_index       INTEGER NOT NULL,
    fee_address     TEXT    NOT NULL,
    fee_amount      INTEGER NOT NULL,
    fee_expires     INTEGER NOT NULL,
    fee_status      TEXT    NOT NULL,
    fee_tx_hash     BLOB    NOT NULL,
    fee_tx          BLOB,             -- serialized
    voting_key      BLOB,             -- sealed
    agendas         TEXT    NOT NULL,
    tspends         TEXT    NOT NULL,
    treasury        TEXT    NOT NULL,
    choices_set_at  INTEGER NOT NULL,
    outcome         TEXT    NOT NULL,
    spent_height    INTEGER NOT NULL,
    spent_by        BLOB    NOT NULL
) STRICT;

-- Of many tickets few are still to vote, few wait for their confirmations, and few have a fee under way.
CREATE INDEX tickets_by_outcome ON tickets (outcome, fee_status, confirmed);
CREATE INDEX tickets_by_fee ON tickets (fee_status, outcome, confirmed);
CREATE INDEX tickets_by_confirmed ON tickets (confirmed);
CREATE INDEX tickets_by_spent_height ON tickets (spent_height);

CREATE TABLE changes (
    id        INTEGER NOT NULL PRIMARY KEY,
    ticket    INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    request   BLOB    NOT NULL, -- sealed: it may carry a voting key
    signature TEXT    NOT NULL,
    answered  INTEGER NOT NULL
) STRICT;

CREATE INDEX changes_by_ticket ON changes (ticket);

-- The last index that was given out of each extended public key.
CREATE TABLE fee_indexes (
    xpub TEXT    NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

-- The last block that was scanned: one row, or none before the first.
CREATE TABLE scan (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    height INTEGER NOT NULL,
    hash   BLOB    NOT NULL
) STRICT;

-- Something sealed with the key of this database, to know another key by.
CREATE TABLE sealing (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    proof BLOB    NOT NULL
) STRICT;
