-- +goose NO TRANSACTION
-- +goose Up
-- The schema of version 2, as the SQLite file has it: see there what the columns mean. MySQL ends a transaction with each
-- of these statements, so each can be done again. utf8mb4_bin and VARBINARY compare byte by byte, but the former takes
-- trailing spaces for nothing, so what names must not be told apart by them. No foreign keys: their creation takes another
-- privilege.

CREATE TABLE IF NOT EXISTS tickets (
    id              BIGINT        NOT NULL AUTO_INCREMENT PRIMARY KEY,
    hash            BINARY(32)    NOT NULL,
    commitment      TEXT          NOT NULL,
    confirmed       TINYINT       NOT NULL,
    purchase_height BIGINT        NOT NULL,
    fee_xpub        TEXT          NOT NULL,
    fee_index       BIGINT        NOT NULL,
    fee_address     TEXT          NOT NULL,
    fee_amount      BIGINT        NOT NULL,
    fee_expires     BIGINT        NOT NULL,
    fee_status      VARBINARY(16) NOT NULL,
    fee_tx_hash     BINARY(32)    NOT NULL,
    fee_tx          MEDIUMBLOB,
    voting_key      BLOB,
    agendas         MEDIUMTEXT    NOT NULL,
    tspends         MEDIUMTEXT    NOT NULL,
    treasury        MEDIUMTEXT    NOT NULL,
    choices_set_at  BIGINT        NOT NULL,
    outcome         VARBINARY(16) NOT NULL,
    spent_height    BIGINT        NOT NULL,
    spent_by        BINARY(32)    NOT NULL,
    registered      BIGINT        NOT NULL,
    fee_received    BIGINT        NOT NULL,
    fee_paid        BIGINT        NOT NULL,
    fee_height      BIGINT        NOT NULL,
    UNIQUE KEY tickets_by_hash (hash),
    KEY tickets_by_outcome (outcome, fee_status, confirmed),
    KEY tickets_by_fee (fee_status, outcome, confirmed),
    KEY tickets_by_confirmed (confirmed),
    KEY tickets_by_spent_height (spent_height)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS changes (
    id        BIGINT     NOT NULL AUTO_INCREMENT PRIMARY KEY,
    ticket    BIGINT     NOT NULL,
    request   MEDIUMBLOB NOT NULL,
    signature TEXT       NOT NULL,
    answered  BIGINT     NOT NULL,
    KEY changes_by_ticket (ticket)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS fee_indexes (
    xpub VARBINARY(512) NOT NULL PRIMARY KEY,
    last BIGINT         NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS scan (
    id     BIGINT     NOT NULL PRIMARY KEY,
    height BIGINT     NOT NULL,
    hash   BINARY(32) NOT NULL
) ENGINE = InnoDB;

INSERT IGNORE INTO scan (id, height, hash) VALUES (1, 0, REPEAT('\0', 32));

CREATE TABLE IF NOT EXISTS sealing (
    id    BIGINT NOT NULL PRIMARY KEY,
    proof BLOB   NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS touches (
    id     BIGINT     NOT NULL AUTO_INCREMENT PRIMARY KEY,
    ticket BINARY(32) NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS lease (
    id     BIGINT         NOT NULL PRIMARY KEY,
    holder VARBINARY(512) NOT NULL,
    until  BIGINT         NOT NULL
) ENGINE = InnoDB;

INSERT IGNORE INTO lease (id, holder, until) VALUES (1, '', 0);

CREATE TABLE IF NOT EXISTS alt_signers (
    ticket    BINARY(32) NOT NULL PRIMARY KEY,
    address   TEXT       NOT NULL,
    request   MEDIUMBLOB NOT NULL,
    signature TEXT       NOT NULL,
    answered  BIGINT     NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
