-- The ledger, schema 1. The text is that of PostgreSQL; for SQLite, `migrate.rs` rewrites the types to INTEGER and makes
-- the tables STRICT and WITHOUT ROWID, without partitions. A test compares it with the rows that `ledger/rows` declares.
-- No sequences, triggers, enumerations, foreign keys or functions: times and ids come from the server. Times are
-- milliseconds since 1970, amounts are fen. An index names all columns that order its rows: scans go on after the last row.
-- Checks are chains of OR: for IN with more than two values, SQLite builds a temporary table in each statement.

-- An API key.
CREATE TABLE api_keys (
    key_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    merchants TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_day BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (key_id)
);
CREATE INDEX api_keys_by_hash ON api_keys (hash, key_id);

-- A request with an `Idempotency-Key`.
CREATE TABLE idempotency (
    digest TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    resource TEXT,
    http_status BIGINT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (digest)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at, digest);

-- An entry of the audit: who changed what.
CREATE TABLE audit (
    month BIGINT NOT NULL,
    at BIGINT NOT NULL,
    id TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (month, at, id)
) PARTITION BY RANGE (month);

-- A case.
CREATE TABLE cases (
    shard SMALLINT NOT NULL,
    case_id TEXT NOT NULL,
    merchant TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status = 'open' OR status = 'resolved'),
    data TEXT NOT NULL,
    proposal TEXT,
    opened_at BIGINT NOT NULL,
    resolved_at BIGINT,
    resolved_by TEXT,
    note TEXT,
    PRIMARY KEY (shard, case_id)
);
CREATE INDEX cases_by_status ON cases (merchant, status, opened_at, shard, case_id);

-- An event that has no position yet.
CREATE TABLE outbox (
    shard SMALLINT NOT NULL,
    subject TEXT NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    merchant TEXT NOT NULL,
    event_type TEXT NOT NULL,
    data TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (shard, subject, seq)
);

-- The last position of an event log.
CREATE TABLE event_logs (
    log SMALLINT NOT NULL,
    last BIGINT NOT NULL,
    month BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (log)
);

-- An event with its position.
CREATE TABLE events (
    month BIGINT NOT NULL,
    log SMALLINT NOT NULL,
    position BIGINT NOT NULL,
    id TEXT NOT NULL,
    merchant TEXT NOT NULL,
    subject TEXT NOT NULL,
    seq BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    data TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (month, log, position)
) PARTITION BY RANGE (month);
CREATE INDEX events_by_id ON events (id, month, log, position);

-- A verified notification, as received. What is not verified is counted, and not stored.
CREATE TABLE inbox (
    month BIGINT NOT NULL,
    digest TEXT NOT NULL,
    result TEXT NOT NULL,
    merchant TEXT,
    kind TEXT,
    subject TEXT,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (month, digest)
) PARTITION BY RANGE (month);

-- A call to WeChat Pay whose fate is worth keeping.
CREATE TABLE calls (
    month BIGINT NOT NULL,
    id TEXT NOT NULL,
    merchant TEXT NOT NULL,
    subject TEXT NOT NULL,
    label TEXT NOT NULL,
    at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    http_status BIGINT,
    wechat_request_id TEXT,
    fate TEXT NOT NULL,
    summary TEXT NOT NULL,
    PRIMARY KEY (month, id)
) PARTITION BY RANGE (month);
CREATE INDEX calls_by_subject ON calls (subject, at, month, id);

-- A merchant that was configured by API.
CREATE TABLE merchants (
    merchant TEXT NOT NULL,
    mchid TEXT NOT NULL,
    settings TEXT NOT NULL,
    sealed_keys TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (merchant)
);
CREATE INDEX merchants_by_mchid ON merchants (mchid, merchant);

-- The access token of an APIv1 app.
CREATE TABLE tokens (
    appid TEXT NOT NULL,
    sealed_token TEXT NOT NULL,
    version BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (appid)
);

-- The owner of a number. It is claimed in its own transaction, and never given back.
CREATE TABLE numbers (
    shard SMALLINT NOT NULL,
    merchant TEXT NOT NULL,
    kind TEXT NOT NULL,
    number TEXT NOT NULL,
    owner TEXT NOT NULL,
    claimed_at BIGINT NOT NULL,
    PRIMARY KEY (shard, merchant, kind, number)
);

-- Everything decided about one order number.
CREATE TABLE orders (
    shard SMALLINT NOT NULL,
    merchant TEXT NOT NULL,
    out_trade_no TEXT NOT NULL,
    version BIGINT NOT NULL,
    status TEXT NOT NULL
        CHECK (status = 'unplaced' OR status = 'open' OR status = 'closing' OR status = 'closed' OR
            status = 'paid' OR status = 'reversing' OR status = 'reversed' OR status = 'failed' OR
            status = 'expired' OR status = 'anomalous'),
    may_exist_upstream SMALLINT NOT NULL,
    prepay_calls BIGINT NOT NULL,
    prepay_call_until BIGINT,
    absent_since BIGINT,
    api_version TEXT,
    channel TEXT,
    appid TEXT,
    sub_mchid TEXT,
    total BIGINT,
    currency TEXT,
    terms TEXT,
    terms_digest TEXT,
    payer TEXT,
    metadata TEXT,
    prepay TEXT,
    prepay_expires_at BIGINT,
    seq BIGINT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (shard, merchant, out_trade_no)
);
CREATE INDEX orders_recent ON orders (merchant, created_at, shard, out_trade_no);
CREATE INDEX orders_by_payer ON orders (payer, created_at, shard, merchant, out_trade_no) WHERE payer IS NOT NULL;

-- The delivery report of an APIv1 order.
CREATE TABLE deliveries (
    shard SMALLINT NOT NULL,
    merchant TEXT NOT NULL,
    out_trade_no TEXT NOT NULL,
    delivered SMALLINT NOT NULL,
    message TEXT NOT NULL,
    reported_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    PRIMARY KEY (shard, merchant, out_trade_no)
);

-- One payment (transaction) of an order. It bounds the refunds.
CREATE TABLE payments (
    shard SMALLINT NOT NULL,
    merchant TEXT NOT NULL,
    out_trade_no TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    total BIGINT NOT NULL,
    payer_total BIGINT,
    currency TEXT NOT NULL,
    appid TEXT,
    bank_type TEXT,
    success_at BIGINT NOT NULL,
    refund_reserved BIGINT NOT NULL CHECK (refund_reserved >= 0),
    refunded BIGINT NOT NULL CHECK (refunded >= 0),
    PRIMARY KEY (shard, merchant, out_trade_no, transaction_id)
);
CREATE INDEX payments_by_transaction ON payments (transaction_id, shard, merchant, out_trade_no);

-- Verified evidence of a payment, each content once.
CREATE TABLE payment_evidence (
    shard SMALLINT NOT NULL,
    merchant TEXT NOT NULL,
    out_trade_no TEXT NOT NULL,
    digest TEXT NOT NULL,
    source TEXT NOT NULL,
    evidence TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    PRIMARY KEY (shard, merchant, out_trade_no, digest)
);

-- One refund of an order.
CREATE TABLE refunds (
    shard SMALLINT NOT NULL,
    merchant TEXT NOT NULL,
    out_trade_no TEXT NOT NULL,
    out_refund_no TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    reason TEXT,
    detail TEXT,
    terms_digest TEXT,
    source TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status = 'pending' OR status = 'processing' OR status = 'success' OR status = 'closed' OR
            status = 'abnormal'),
    may_exist_upstream SMALLINT NOT NULL,
    calls BIGINT NOT NULL,
    call_until BIGINT,
    in_doubt SMALLINT NOT NULL,
    absent_since BIGINT,
    refund_id TEXT,
    success_at BIGINT,
    requested_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (shard, merchant, out_trade_no, out_refund_no)
);

-- Background work on one subject.
CREATE TABLE tasks (
    shard SMALLINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    out_trade_no TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    until BIGINT NOT NULL,
    last_error TEXT,
    PRIMARY KEY (shard, kind, subject)
);
CREATE INDEX tasks_due ON tasks (shard, due_at, kind, subject);

-- The right of one process to do the background work of a shard, to number events, or to fetch an access token.
CREATE TABLE leases (
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    version BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (name)
);

-- A process that takes part in the background work.
CREATE TABLE processes (
    process TEXT NOT NULL,
    schema_version BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (process)
);

-- A webhook endpoint.
CREATE TABLE endpoints (
    endpoint TEXT NOT NULL,
    merchant TEXT,
    url TEXT NOT NULL,
    types TEXT NOT NULL,
    sealed_secrets TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status = 'enabled' OR status = 'disabled'),
    failing_since BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (endpoint)
);

-- The position up to which an endpoint's events are delivered or deferred.
CREATE TABLE cursors (
    endpoint TEXT NOT NULL,
    log SMALLINT NOT NULL,
    month BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (endpoint, log)
);

-- An event whose delivery waits. Later events of its subject wait for it.
CREATE TABLE deferred (
    endpoint TEXT NOT NULL,
    subject TEXT NOT NULL,
    log SMALLINT NOT NULL,
    position BIGINT NOT NULL,
    month BIGINT NOT NULL,
    gave_up SMALLINT NOT NULL,
    next_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    first_failed_at BIGINT NOT NULL,
    last_response TEXT,
    PRIMARY KEY (endpoint, subject, log, position)
);
CREATE INDEX deferred_due ON deferred (endpoint, gave_up, next_at, subject, log, position);

-- One attempt to deliver an event.
CREATE TABLE attempts (
    month BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    log SMALLINT NOT NULL,
    position BIGINT NOT NULL,
    at BIGINT NOT NULL,
    http_status BIGINT,
    duration_ms BIGINT NOT NULL,
    response TEXT,
    PRIMARY KEY (month, endpoint, log, position, at)
) PARTITION BY RANGE (month);
CREATE INDEX attempts_recent ON attempts (endpoint, at, month, log, position);

-- The row that a health check writes.
CREATE TABLE probe (
    id BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (id)
);
