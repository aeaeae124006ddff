-- The order that each of WeChat Pay's transactions belongs to: the first number that claimed it, in its own
-- transaction, before the payment is learned. Under any other number the transaction pays nothing. Never updated, never
-- deleted.
CREATE TABLE transaction_owners (
    transaction_id TEXT    NOT NULL PRIMARY KEY,
    out_trade_no   TEXT    NOT NULL,
    claimed_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Payments learned before this table existed: the transaction belongs to the number under which it was seen first.
INSERT INTO transaction_owners (transaction_id, out_trade_no, claimed_at)
SELECT transaction_id, out_trade_no, first_seen_at FROM payments WHERE TRUE
ORDER BY first_seen_at, out_trade_no
ON CONFLICT DO NOTHING;

-- An order that the same transaction appeared to pay becomes anomalous, unless another payment pays it.
UPDATE orders SET status = 'anomalous'
WHERE EXISTS (
    SELECT 1 FROM payments JOIN transaction_owners USING (transaction_id)
    WHERE payments.out_trade_no = orders.out_trade_no AND transaction_owners.out_trade_no <> orders.out_trade_no
) AND NOT EXISTS (
    SELECT 1 FROM payments JOIN transaction_owners USING (transaction_id)
    WHERE payments.out_trade_no = orders.out_trade_no AND transaction_owners.out_trade_no = orders.out_trade_no
      AND payments.total_fee + payments.discount = orders.total_fee
);

-- The shop is informed of each, as if the payment had arrived now.
INSERT INTO events (happened_at, kind, out_trade_no, data)
SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER), 'order.anomalous', orders.out_trade_no, json_object(
    'anomaly', 'transaction_of_another_order',
    'owner', transaction_owners.out_trade_no,
    'payment', json_object(
        'transaction_id', payments.transaction_id,
        'total_fee', payments.total_fee,
        'discount', payments.discount,
        'paid_at', strftime('%Y-%m-%dT%H:%M:%S+08:00', payments.time_end / 1000, 'unixepoch', '+8 hours')
    )
)
FROM orders
JOIN payments ON payments.out_trade_no = orders.out_trade_no
JOIN transaction_owners ON transaction_owners.transaction_id = payments.transaction_id
WHERE transaction_owners.out_trade_no <> orders.out_trade_no
ORDER BY payments.first_seen_at, orders.out_trade_no;
