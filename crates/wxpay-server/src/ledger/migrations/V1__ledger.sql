-- Times are milliseconds since 1970 (UTC); amounts are whole fen.

-- Orders: the terms as the shop sent them, and the status.
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

    -- Derived from the evidence in `payments` and written in the same transaction; stored for people who read the
    -- file. `expired`: unpaid at the last query.
    status           TEXT    NOT NULL CHECK (status IN ('open', 'expired', 'paid', 'anomalous')),

    -- 1 if WeChat Pay may know the order: set before anything is sent, cleared only when it certainly does not.
    may_exist_upstream  INTEGER NOT NULL CHECK (may_exist_upstream IN (0, 1)),
    -- WeChat Pay's prepayid, and the time until which it is valid.
    prepayid            TEXT,
    prepayid_expires_at INTEGER,

    -- Polling: the time of the next query (NULL if the order is not polled), the number of queries since the
    -- schedule started, the time of the last query made, and the time at which the final query is due.
    next_query_at    INTEGER,
    queries          INTEGER NOT NULL DEFAULT 0,
    last_query_at    INTEGER,
    poll_until       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_by_next_query ON orders (next_query_at) WHERE next_query_at IS NOT NULL;

-- Every distinct payment in verified evidence, of known and unknown orders. Never updated, never deleted.
CREATE TABLE payments (
    out_trade_no   TEXT    NOT NULL,
    transaction_id TEXT    NOT NULL,
    total_fee      INTEGER NOT NULL,
    discount       INTEGER NOT NULL,
    time_end       INTEGER NOT NULL,
    source         TEXT    NOT NULL CHECK (source IN ('notification', 'query')),
    first_seen_at  INTEGER NOT NULL,
    PRIMARY KEY (out_trade_no, transaction_id, total_fee, discount, time_end)
) STRICT, WITHOUT ROWID;

-- Every distinct verified notification, whatever its content. Each one answered `success` is here.
CREATE TABLE notifications (
    digest         TEXT    NOT NULL PRIMARY KEY,
    out_trade_no   TEXT    NOT NULL,
    transaction_id TEXT    NOT NULL,
    notify_id      TEXT    NOT NULL,
    openid         TEXT    NOT NULL,
    total_fee      INTEGER NOT NULL,
    discount       INTEGER NOT NULL,
    paid           INTEGER NOT NULL CHECK (paid IN (0, 1)),
    received_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX notifications_by_order ON notifications (out_trade_no);

-- Delivery reports, acknowledged by WeChat Pay or not yet.
CREATE TABLE deliveries (
    out_trade_no   TEXT    NOT NULL PRIMARY KEY,
    transaction_id TEXT    NOT NULL,
    openid         TEXT    NOT NULL,
    delivered      INTEGER NOT NULL CHECK (delivered IN (0, 1)),
    message        TEXT    NOT NULL,
    reported_at    INTEGER NOT NULL,
    -- The time of WeChat Pay's acknowledgement.
    acknowledged_at INTEGER
) STRICT, WITHOUT ROWID;

-- The outbox: each transition of an order once, in commit order, for the shop to read.
CREATE TABLE events (
    number       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    happened_at  INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    out_trade_no TEXT    NOT NULL,
    data         TEXT    NOT NULL
) STRICT;
