//! All words of the page, in both languages.

use wxpay_explain::Language;

/// The languages of the page.
const LANGUAGES: [Language; 2] = [Language::English, Language::Chinese];

/// Returns the name of a language in the query and in the cookie.
pub(super) fn name(language: Language) -> &'static str {
    if language == Language::Chinese { "zh" } else { "en" }
}

/// Returns the language of a name.
pub(super) fn named(name: &str) -> Option<Language> {
    LANGUAGES.into_iter().find(|language| self::name(*language) == name)
}

/// Chooses the language: by the query, the cookie, or `Accept-Language`, in this order.
pub(super) fn choose(query: Option<&str>, cookie: Option<&str>, accepted: &str) -> Language {
    let chosen = query.and_then(named).or_else(|| cookie.and_then(named));
    chosen.unwrap_or_else(|| {
        let tags = accepted.split(',').map(|tag| tag.trim().to_ascii_lowercase());
        let mut known = tags.filter_map(|tag| named(tag.get(..2)?));
        known.next().unwrap_or_default()
    })
}

/// Returns the words of a language.
pub(super) fn words(language: Language) -> &'static Words {
    if language == Language::Chinese { &CHINESE } else { &ENGLISH }
}

macro_rules! words {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// The words of one language.
        #[derive(Debug)]
        pub(super) struct Words {
            $(pub(super) $name: &'static str,)*
        }

        static ENGLISH: Words = Words { $($name: $english,)* };
        static CHINESE: Words = Words { $($name: $chinese,)* };

        /// Every word: its name, in English, in Chinese.
        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $chinese),)*];
    };
}

words! {
    title: "WeChat Pay simulator", "微信支付模拟器";
    skip: "Skip to the content", "跳到正文";
    sections: "Sections", "栏目";
    orders: "Orders", "订单";
    log: "Log", "日志";
    clock: "Clock", "时钟";
    faults: "Faults", "故障";
    merchants: "Merchants", "商户";
    state: "State", "状态";
    other_language: "中文", "English";
    not_real: "A simulation: no real money moves.", "本页为模拟环境，不涉及真实资金。";
    updated: "Updated.", "已更新。";
    copied: "Copied.", "已复制。";
    copy: "Copy", "复制";
    done: "Done.", "已完成。";
    older: "Older", "更早";
    newest: "Newest", "最新";
    actions: "Actions", "操作";
    none_yet: "Nothing yet.", "暂无内容。";
    no_orders: "No orders yet. Point your program at this simulator and place one; it appears here at once.", "暂无订单。请将您的程序指向本模拟器并下单，订单会立即显示在这里。";
    see_merchants: "How to connect a program", "如何接入程序";
    order_no: "Order number", "商户订单号";
    description: "Goods", "商品描述";
    amount: "Amount", "金额";
    kind: "Type", "类型";
    status: "State", "状态";
    placed_at: "Placed (Beijing time)", "下单时间（北京时间）";
    expires_at: "Expires (Beijing time)", "失效时间（北京时间）";
    merchant: "Merchant", "商户";
    app: "App", "应用";
    orders_caption: "The newest orders", "最新订单";
    scan_title: "Open the phone page of a code", "打开支付码对应的手机页面";
    scan_label: "code_url, h5_url or prepay_id", "code_url、h5_url 或 prepay_id";
    scan: "Open", "打开";
    scan_unknown: "No order has this code, or it is no longer valid.", "没有订单使用该支付码，或支付码已失效。";
    order: "Order", "订单";
    qr_title: "QR code of the phone page", "手机页面二维码";
    qr_hint: "Scan it with any phone that reaches this address, or open the link.", "请用可访问此地址的手机扫描，或直接打开链接。";
    qr_loopback: "Open the link. A phone does not reach this address, which is that of this computer alone: start wxpay sim with --listen and an address of your network, and open this page by that address.", "请打开链接。此地址仅本机可访问，手机无法访问：请以 --listen 指定局域网地址启动 wxpay sim，并用该地址打开本页。";
    qr_key: "The address contains a key of this order: whoever has it acts as the payer of this order, without the control token.", "此地址包含该订单的密钥：持有者无需控制令牌即可作为付款人操作该订单。";
    open_phone: "Open the phone page", "打开手机页面";
    as_payer: "As the payer", "以付款人身份";
    as_merchant: "As the merchant, in the merchant platform", "以商户身份（商户平台）";
    pay: "Pay", "支付";
    cancel: "Cancel", "取消";
    wrong_password: "Wrong password", "密码错误";
    not_enough: "Not enough money", "余额不足";
    refund: "Refund", "退款";
    refund_amount: "Amount in fen, empty for the rest", "金额（分），留空则退剩余金额";
    notify_url: "Notification URL, empty for none", "回调通知地址，留空则不通知";
    payments: "Payments", "付款";
    transaction_id: "WeChat Pay order number", "微信支付订单号";
    payer: "Payer", "付款人";
    paid_at: "Paid (Beijing time)", "支付时间（北京时间）";
    attempts: "Attempts without payment", "未成功的支付";
    refunds: "Refunds", "退款";
    refund_no: "Refund number", "商户退款单号";
    notifications: "Notifications", "回调通知";
    notification: "Notification", "回调通知";
    event: "Event", "事件";
    deliveries: "Deliveries", "投递次数";
    last_result: "Last result", "最近结果";
    next_delivery: "Next (Beijing time)", "下次投递（北京时间）";
    resend: "Resend", "重新投递";
    stop: "Stop retries", "停止重试";
    time: "Time (Beijing)", "时间（北京时间）";
    result: "Result", "结果";
    phone_title: "WeChat Pay (simulated)", "微信支付（模拟）";
    pay_to: "Payment to", "收款方";
    phone_paid: "Paid", "支付成功";
    phone_cancelled: "Cancelled", "支付已取消";
    phone_wrong_password: "Wrong password", "支付密码错误";
    phone_not_enough: "Not enough money", "余额不足";
    phone_untold: "The order stays open; no program learns of this attempt.", "订单仍未支付；任何程序都不会获知本次操作。";
    phone_open: "The order stays open; you may try again.", "订单仍未支付，您可以重试。";
    phone_closed: "The order cannot be paid.", "该订单无法支付。";
    phone_back: "Back to the shop", "返回商家";
    phone_order: "Show the order in the simulator", "在模拟器中查看订单";
    log_caption: "The newest messages", "最新消息";
    message: "Message", "消息";
    request: "Request", "请求";
    reply: "Reply", "应答";
    response: "The merchant's response", "商户应答";
    refused_parameters: "Refused payment parameters", "被拒绝的支付参数";
    explanation: "Explanation", "说明";
    signature_refused: "The signature is not accepted:", "签名未被接受：";
    signature_valid: "The signature is valid.", "签名有效。";
    no_explanation: "Nothing can be explained: no signature, or no key of the caller is known.", "无法说明：没有签名，或调用方密钥未知。";
    explain_cut: "The body is too long to be kept whole, so its signature is not explained.", "正文过长，未完整保留，因此不对签名作说明。";
    proved: "proved", "已证实";
    likely: "likely", "可能";
    raw: "Raw bytes", "原始字节";
    http: "HTTP message", "HTTP 报文";
    http_hint: "wxpay explain reads this text. Names of headers are in lower case; headers of the connection are not shown; the body is shown without its content encoding, and content-length is its length.", "wxpay explain 可读取此文本。HTTP 头名称为小写；不显示仅与连接有关的头；正文为内容编码解码之后的正文，content-length 为其长度。";
    no_headers: "The headers of this response are not kept.", "未保留该应答的 HTTP 头。";
    sent_as: "The body was sent as", "正文发送时的编码：";
    bytes: "bytes", "字节";
    has_escapes: "Invisible characters, and bytes that are not UTF-8, are shown as escapes: a copy of this text is not the exact message.", "不可见字符及非 UTF-8 字节以转义形式显示，因此复制的文本与原消息并不完全相同。";
    string_to_sign: "String to be signed", "应签名的签名串";
    signed_with: "Signed with the key", "签名所用密钥";
    by_certificate: "the platform certificate", "平台证书";
    by_public_key: "the WeChat Pay public key", "微信支付公钥";
    by_other_certificate: "another platform certificate, which /v3/certificates returns", "另一张平台证书，可通过 /v3/certificates 下载";
    by_unknown: "this merchant has no key with this serial number", "该商户没有此序列号对应的密钥";
    select_key_of_reply: "The request did not name the public key. Send this header with it, and the public key signs the reply:", "请求未指定微信支付公钥。请在请求中携带以下 HTTP 头，应答即由微信支付公钥签名：";
    select_key_of_notification: "The request that placed the order or the transfer did not name the public key. Send this header with that request, and the public key signs the notifications:", "下单（或发起转账）的请求未指定微信支付公钥。请在该请求中携带以下 HTTP 头，回调通知即由微信支付公钥签名：";
    parameters: "Payment parameters", "支付参数";
    beijing: "Beijing time", "北京时间";
    curl: "As a curl command", "curl 命令";
    curl_hint: "The signature is the original one: it is valid for five minutes.", "签名为原请求的签名，五分钟内有效。";
    copy_curl: "Copy as curl", "复制为 curl";
    cut: "bytes in all; only the beginning is kept", "字节；仅保留开头部分";
    forged: "tampered copy", "篡改的副本";
    dropped: "no reply: the connection was dropped by a fault", "无应答：连接因故障中断";
    fault: "Fault", "故障";
    now: "Business time (Beijing)", "业务时间（北京时间）";
    runs: "running", "运行中";
    frozen: "frozen", "已冻结";
    freeze: "Freeze", "冻结";
    run: "Run", "运行";
    advance: "Advance", "快进";
    advance_by: "Advance by seconds", "快进秒数";
    minute: "+1 minute", "+1 分钟";
    hour: "+1 hour", "+1 小时";
    day: "+1 day", "+1 天";
    set_clock: "Set the clock", "设置时钟";
    set_to: "Seconds since 1970", "1970 年以来的秒数";
    set: "Set", "设置";
    clock_hint: "Expiry, retries, refunds and bills follow this clock. Signatures follow the real one.", "订单失效、重试、退款与账单以此时钟为准；签名以真实时钟为准。";
    faults_caption: "Fault rules in force", "生效的故障规则";
    no_faults: "No fault is injected.", "未注入故障。";
    add_fault: "Inject a fault", "注入故障";
    fault_kind: "Kind of fault", "故障类型";
    fault_operation: "Operation", "接口";
    any: "any", "任意";
    fault_number: "Order number, empty for any", "商户订单号，留空则任意";
    times: "How often, empty for always", "次数，留空则每次";
    millis: "Milliseconds, if the kind needs them", "毫秒数（如该类型需要）";
    hits: "Hits", "命中";
    remaining: "Left", "剩余";
    always: "always", "每次";
    remove: "Remove", "移除";
    clear_faults: "Remove all", "全部移除";
    merchants_caption: "APIv3 merchants", "APIv3 商户";
    apps: "Apps", "应用";
    certificates: "Certificates", "证书";
    platform_keys: "Platform keys", "平台密钥";
    connect: "Connect a program", "接入程序";
    add_merchant: "Add a merchant", "新增商户";
    choose_merchant: "Choose a merchant: its page has the lines that connect a program.", "请选择商户，其页面列有接入程序所需的内容。";
    variables: "The programs read environment variables. wxpay sim --env-file sim.env writes those of the merchant that it starts with: run source sim.env in the terminal of your program. For any merchant, run the lines under Shell or PowerShell there instead.", "程序读取环境变量。wxpay sim --env-file sim.env 会写出启动时所用商户的变量：请在运行程序的终端中执行 source sim.env。对任一商户，也可在该终端中执行下方 Shell 或 PowerShell 的内容。";
    secrets: "These lines contain the secrets of a throw-away merchant.", "以下内容包含一次性商户的密钥。";
    rotate: "Rotate the platform certificate", "轮换平台证书";
    issue: "Issue an API certificate", "签发 API 证书";
    serial_no: "Serial number", "序列号";
    valid_until: "Valid until (Beijing time)", "有效期至（北京时间）";
    counts: "Records", "记录";
    warnings: "The latest warnings", "最新警告";
    warning: "Warning", "警告";
    number: "Number", "单号";
    save_title: "Save the state", "保存状态";
    save_name: "Name: letters, digits, - and _", "名称：字母、数字、- 和 _";
    save: "Save", "保存";
    saved: "Saved states", "已保存的状态";
    saved_hint: "Saved states are kept in the memory of the simulator. Loading one replaces everything, also merchants, keys and faults; the clock goes on from the time of the save.", "状态保存在模拟器的内存中。载入状态会替换全部内容，包括商户、密钥与故障；时钟从保存时刻继续。";
    name: "Name", "名称";
    saved_at: "Saved (business time in Beijing)", "保存时间（业务时间，北京时间）";
    load: "Load", "载入";
    delete: "Delete", "删除";
    reset_title: "Reset", "重置";
    reset_hint: "Forgets orders, transfers, notifications and messages. Merchants, keys, faults, settings, the clock and saved states stay.", "清除订单、转账、通知与消息；商户、密钥、故障、设置、时钟及已保存的状态保留。";
    reset: "Forget all records", "清除全部记录";
    sign_in: "Sign in", "登录";
    token: "Control token", "控制令牌";
    token_hint: "This simulator requires its control token: wxpay sim prints it, or takes it from --control-token-file.", "该模拟器需要控制令牌：由 wxpay sim 打印，或由 --control-token-file 指定。";
    token_wrong: "The token is wrong.", "令牌错误。";
    not_found: "There is no such page.", "页面不存在。";
    refused: "Refused", "已拒绝";
    shortcuts: "Shortcuts: Alt+Shift+O orders, L log, C clock, F faults, M merchants, S state", "快捷键：Alt+Shift+O 订单，L 日志，C 时钟，F 故障，M 商户，S 状态";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_missing_in_a_language() {
        for (name, english, chinese) in ALL {
            let is_chinese =
                |text: &str| text.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
            // These two name the other language, or are names of the protocol.
            if matches!(*name, "other_language") {
                continue;
            }
            assert!(!english.is_empty() && !is_chinese(english), "{name}");
            assert!(is_chinese(chinese) || *name == "hour", "{name}");
        }
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn language_is_that_of_the_query_the_cookie_or_the_browser() {
        assert_eq!(choose(None, None, ""), Language::English);
        assert_eq!(choose(None, None, "de-DE, zh-TW;q=0.9, en;q=0.8"), Language::Chinese);
        assert_eq!(choose(None, Some("en"), "zh-CN"), Language::English);
        assert_eq!(choose(Some("zh"), Some("en"), "en"), Language::Chinese);
        assert_eq!(choose(Some("x"), Some("\u{0}"), "é, 支付"), Language::English);
    }
}
