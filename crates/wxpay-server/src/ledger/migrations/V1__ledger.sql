-- Times are milliseconds since 1970 UTC, amounts are whole fen.

-- What the shop ordered, in its own words, and where the order stands.
CREATE TABLE orders (
    out_trade_no     TEXT    NOT NULL PRIMARY KEY,
    total_fee        INTEGER NOT NULL CHECK (total_fee > 0),
    body             TEXT    NOT NULL,
    spbill_create_ip TEXT    NOT NULL,
    charset          TEXT    NOT NULL,
    attach           TEXT,
    traceid          TEXT,
    time_expire      INTEGER,
    placed_at        INTEGER NOT NULL,

    -- What follows from the evidence in `payments`, kept here to be found by; it is written in the transaction
    -- that writes the evidence. `expired` is an order whose last query found it unpaid.
    standing         TEXT    NOT NULL CHECK (standing IN ('open', 'expired', 'paid', 'disputed')),

    -- Whether WeChat Pay may know the order: set before anything is sent, cleared only by certainty.
    exposed          INTEGER NOT NULL CHECK (exposed IN (0, 1)),
    -- WeChat Pay's number of the order that waits to be paid, and until when it is good.
    prepayid         TEXT,
    prepayid_until   INTEGER,

    -- The chase: when to query next (none when there is nothing to ask), how often it was done since the
    -- schedule began, and when the last query is due.
    next_query_at    INTEGER,
    queries          INTEGER NOT NULL DEFAULT 0,
    last_query_at    INTEGER,
    chase_until      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_by_next_query ON orders (next_query_at) WHERE next_query_at IS NOT NULL;

-- Every distinct payment that verified evidence has told of, of orders known or unknown. Never changed, never
-- deleted.
CREATE TABLE payments (
    out_trade_no   TEXT    NOT NULL,
    transaction_id TEXT    NOT NULL,
    total_fee      INTEGER NOT NULL,
    discount       INTEGER NOT NULL,
    time_end       INTEGER NOT NULL,
    source         TEXT    NOT NULL CHECK (source IN ('notice', 'query')),
    first_seen     INTEGER NOT NULL,
    PRIMARY KEY (out_trade_no, transaction_id, total_fee, discount, time_end)
) STRICT, WITHOUT ROWID;

-- Every distinct verified notice, whatever it says. A notice answered `success` is here.
CREATE TABLE notices (
    digest         TEXT    NOT NULL PRIMARY KEY,
    out_trade_no   TEXT    NOT NULL,
    transaction_id TEXT    NOT NULL,
    notify_id      TEXT    NOT NULL,
    openid         TEXT    NOT NULL,
    total_fee      INTEGER NOT NULL,
    discount       INTEGER NOT NULL,
    paid           INTEGER NOT NULL CHECK (paid IN (0, 1)),
    heard_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX notices_by_order ON notices (out_trade_no);

-- What WeChat Pay was told of the delivery, or is yet to be.
CREATE TABLE deliveries (
    out_trade_no   TEXT    NOT NULL PRIMARY KEY,
    transaction_id TEXT    NOT NULL,
    openid         TEXT    NOT NULL,
    delivered      INTEGER NOT NULL CHECK (delivered IN (0, 1)),
    message        TEXT    NOT NULL,
    reported_at    INTEGER NOT NULL,
    -- When WeChat Pay acknowledged it.
    told_at        INTEGER
) STRICT, WITHOUT ROWID;

-- The outbox: each transition of an order once, in the order of their commits, for the shop to read.
CREATE TABLE events (
    number       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    happened_at  INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    out_trade_no TEXT    NOT NULL,
    data         TEXT    NOT NULL
) STRICT;
