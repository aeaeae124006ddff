//! The members that money needs, by operation: if one of them is misshapen, the reply is an error.

pub(super) const ESSENTIAL: &[(&str, &str)] = &[
    ("GET /v3/bill/fundflowbill", "download_url hash_type hash_value"),
    (
        "GET /v3/bill/sub-merchant-fundflowbill",
        "download_bill_count download_bill_list download_bill_list[].bill_sequence download_bill_list[].download_url download_bill_list[].encrypt_key download_bill_list[].hash_type download_bill_list[].hash_value download_bill_list[].nonce",
    ),
    ("GET /v3/bill/tradebill", "download_url hash_type hash_value"),
    (
        "GET /v3/combine-transactions/id/{combine_transaction_id}",
        "combine_mchid combine_out_trade_no combine_transaction_id sub_orders sub_orders[].amount sub_orders[].amount.payer_amount sub_orders[].amount.total_amount sub_orders[].mchid sub_orders[].out_trade_no sub_orders[].success_time sub_orders[].trade_state sub_orders[].transaction_id",
    ),
    (
        "GET /v3/combine-transactions/out-trade-no/{combine_out_trade_no}",
        "combine_mchid combine_out_trade_no sub_orders sub_orders[].amount sub_orders[].amount.payer_amount sub_orders[].amount.total_amount sub_orders[].mchid sub_orders[].out_trade_no sub_orders[].sub_mchid sub_orders[].success_time sub_orders[].trade_state sub_orders[].transaction_id",
    ),
    ("GET /v3/fund-app/mch-transfer/elecsign/out-bill-no/{out_bill_no}", "state"),
    ("GET /v3/fund-app/mch-transfer/elecsign/transfer-bill-no/{transfer_bill_no}", "state"),
    (
        "GET /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}",
        "mch_id out_bill_no state transfer_amount transfer_bill_no",
    ),
    (
        "GET /v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}",
        "mch_id out_bill_no state transfer_amount transfer_bill_no",
    ),
    (
        "GET /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/{out_bill_no}",
        "mchid out_bill_no state transfer_amount transfer_bill_no",
    ),
    (
        "GET /v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}",
        "out_authorization_no state",
    ),
    (
        "GET /v3/pay/partner/transactions/id/{transaction_id}",
        "amount amount.payer_total amount.total out_trade_no sp_mchid sub_mchid success_time trade_state transaction_id",
    ),
    (
        "GET /v3/pay/partner/transactions/out-trade-no/{out_trade_no}",
        "amount amount.payer_total amount.total out_trade_no sp_mchid sub_mchid success_time trade_state transaction_id",
    ),
    (
        "GET /v3/pay/transactions/id/{transaction_id}",
        "amount amount.total mchid out_trade_no success_time trade_state transaction_id",
    ),
    (
        "GET /v3/pay/transactions/out-trade-no/{out_trade_no}",
        "amount amount.payer_total amount.total mchid out_trade_no success_time trade_state transaction_id",
    ),
    ("GET /v3/profitsharing/bills", "download_url hash_type hash_value"),
    ("GET /v3/profitsharing/merchant-configs/{sub_mchid}", "max_ratio sub_mchid"),
    (
        "GET /v3/profitsharing/orders/{out_order_no}",
        "order_id out_order_no receivers receivers[].account receivers[].amount receivers[].result receivers[].type state transaction_id",
    ),
    (
        "GET /v3/profitsharing/return-orders/{out_return_no}",
        "amount order_id out_order_no out_return_no result return_id return_mchid",
    ),
    ("GET /v3/profitsharing/transactions/{transaction_id}/amounts", "transaction_id unsplit_amount"),
    (
        "GET /v3/refund/domestic/refunds/{out_refund_no}",
        "amount amount.refund amount.total out_refund_no out_trade_no refund_id status transaction_id",
    ),
    ("POST /v3/combine-transactions/app", "prepay_id"),
    ("POST /v3/combine-transactions/h5", "h5_url"),
    ("POST /v3/combine-transactions/jsapi", "prepay_id"),
    ("POST /v3/combine-transactions/miniprogram", "prepay_id"),
    ("POST /v3/combine-transactions/native", "code_url"),
    ("POST /v3/fund-app/mch-transfer/elecsign/out-bill-no", "state"),
    ("POST /v3/fund-app/mch-transfer/elecsign/transfer-bill-no", "state"),
    ("POST /v3/fund-app/mch-transfer/transfer-bills", "out_bill_no state transfer_bill_no"),
    (
        "POST /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel",
        "out_bill_no state transfer_bill_no",
    ),
    (
        "POST /v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization",
        "out_bill_no state transfer_bill_no",
    ),
    (
        "POST /v3/fund-app/mch-transfer/transfer-bills/transfer",
        "mch_id out_bill_no state transfer_amount transfer_bill_no",
    ),
    (
        "POST /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills",
        "mchid out_bill_no state transfer_amount transfer_bill_no",
    ),
    (
        "POST /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/{out_bill_no}/cancel",
        "mchid out_bill_no state transfer_amount transfer_bill_no",
    ),
    ("POST /v3/fund-app/mch-transfer/user-confirm-authorization", "out_authorization_no state"),
    (
        "POST /v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}/close",
        "out_authorization_no state",
    ),
    ("POST /v3/merchant/media/upload", "media_id"),
    ("POST /v3/merchant/media/video_upload", "media_id"),
    ("POST /v3/pay/partner/transactions/app", "prepay_id"),
    (
        "POST /v3/pay/partner/transactions/codepay",
        "amount amount.payer_total amount.total out_trade_no sp_mchid sub_mchid success_time trade_state transaction_id",
    ),
    ("POST /v3/pay/partner/transactions/h5", "h5_url"),
    ("POST /v3/pay/partner/transactions/jsapi", "prepay_id"),
    ("POST /v3/pay/partner/transactions/miniprogram", "prepay_id"),
    ("POST /v3/pay/partner/transactions/native", "code_url"),
    ("POST /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/reverse", "out_trade_no"),
    ("POST /v3/pay/partner/transactions/scannedpos", "prepay_id"),
    ("POST /v3/pay/transactions/app", "prepay_id"),
    (
        "POST /v3/pay/transactions/codepay",
        "amount amount.payer_total amount.total mchid out_trade_no success_time trade_state transaction_id",
    ),
    ("POST /v3/pay/transactions/h5", "h5_url"),
    ("POST /v3/pay/transactions/jsapi", "prepay_id"),
    ("POST /v3/pay/transactions/native", "code_url"),
    ("POST /v3/pay/transactions/out-trade-no/{out_trade_no}/reverse", "out_trade_no"),
    (
        "POST /v3/profitsharing/orders",
        "order_id out_order_no receivers receivers[].account receivers[].amount receivers[].result receivers[].type state transaction_id",
    ),
    (
        "POST /v3/profitsharing/orders/unfreeze",
        "order_id out_order_no receivers receivers[].account receivers[].amount receivers[].result receivers[].type state transaction_id",
    ),
    ("POST /v3/profitsharing/receivers/add", "account type"),
    ("POST /v3/profitsharing/receivers/delete", "account type"),
    (
        "POST /v3/profitsharing/return-orders",
        "amount order_id out_order_no out_return_no result return_id return_mchid",
    ),
    (
        "POST /v3/refund/domestic/refunds",
        "amount amount.refund amount.total out_refund_no out_trade_no refund_id status transaction_id",
    ),
    (
        "POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund",
        "amount amount.refund amount.total out_refund_no out_trade_no refund_id status transaction_id",
    ),
    ("POST /v3/security/echo", "echo_message encrypted_echo_message"),
];
