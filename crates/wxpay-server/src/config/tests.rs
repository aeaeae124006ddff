use super::*;
use std::{fs, time::Duration};

fn complete() -> Sources {
    let required = [
        ("public_base_url", "https://pay.shop.example/".to_owned()),
        ("appid", "wxd930ea5d5a258f4f".to_owned()),
        ("partner", "1900000109".to_owned()),
        ("app_secret", "a".repeat(32)),
        ("pay_sign_key", "b".repeat(128)),
        ("partner_key", "c".repeat(32)),
    ];
    required.into_iter().fold(Sources::default(), |all, (name, value)| all.setting(name, value))
}

fn names(error: &ConfigError) -> Vec<&str> {
    error.settings().iter().map(InvalidSetting::name).collect()
}

#[test]
fn unset_settings_have_defaults() {
    let config = complete().check().unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.notify_url.unwrap().as_str(), "https://pay.shop.example/notify/v1");
    assert_eq!(config.schedule, Schedule::default());
    assert_eq!(config.poll_concurrency, 8);
}

#[test]
fn an_invalid_value_is_reported_by_name_and_rule_and_not_printed() {
    for (name, value) in [
        ("listen", "localhost"),
        ("public_base_url", "pay.shop.example"),
        ("public_base_url", "https://pay.shop.example/?a=b"),
        ("notify_path", "notify"),
        ("notify_path", "/"),
        ("notify_path", "/api/notify"),
        ("notify_path", "/health"),
        ("notify_path", "/{any}"),
        ("gateway_base_url", "ftp://planted"),
        ("appid", "planted"),
        ("partner", "19000001O9"),
        ("app_secret", "planted"),
        ("pay_sign_key", "planted"),
        ("partner_key", "planted"),
        ("api_token", "planted"),
        ("api_token", "planted in clear view"),
        ("call_timeout", "planted"),
        ("call_attempts", "0"),
        ("call_attempts", "11"),
        ("poll_concurrency", "1.5"),
        ("poll_intervals", "15, planted"),
        ("poll_intervals", ""),
        ("prepay_lifetime", "0"),
        ("poll_margin", "-1"),
    ] {
        let error = complete().setting(name, value).check().unwrap_err();
        assert_eq!(names(&error), [name], "{value}");
        assert!(error.to_string().starts_with(&format!("{name} must ")), "{error}");
        assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
    }
}

#[test]
fn unknown_settings_are_rejected_in_every_source() {
    let file = |text: &str| complete().file(text).unwrap().check().unwrap_err();
    assert_eq!(file("databse = 'x'").to_string(), "databse is an unknown setting in the file");
    assert_eq!(names(&file("listen = true")), ["listen"]);
    assert_eq!(names(&file("[table]\na = 1")), ["table"]);
    assert_eq!(names(&complete().setting("color", "red").check().unwrap_err()), ["color"]);
    let variable = |name: &str| complete().environment([(name.to_owned(), "1".to_owned())]).check();
    assert_eq!(variable("WXPAY_DATABSE").unwrap_err().to_string(), "WXPAY_DATABSE is an unknown setting");
    assert!(variable("PATH").is_ok());
    assert!(variable("WXPAY_LOG").is_ok());
    for name in ["WXPAY_GATEWAY_BASE_URL", "WXPAY_APP_SECRET", "WXPAY_CA_FILE", "WXPAY_V1_LISTEN"] {
        assert_eq!(variable(name).unwrap_err().to_string(), format!("{name} is an unknown setting"));
    }
}

#[test]
fn all_invalid_settings_are_reported_together() {
    let dir = tempfile::tempdir().unwrap();
    let error = Sources::default()
        .file("colour = 'red'\nlisten = 'localhost'\npartner_key_file = '/nowhere'")
        .unwrap()
        .environment([("WXPAY_DATABSE".to_owned(), "1".to_owned())])
        .setting("size", "1")
        .setting("notify_path", "notify")
        .setting("public_base_url", "pay.shop.example")
        .setting("app_secret", "planted")
        .setting("ca_file", "/nowhere")
        .setting("call_attempts", "0")
        .setting("poll_intervals", "")
        .setting("database", dir.path().join("missing/ledger.db").to_str().unwrap())
        .check()
        .unwrap_err();
    let mut found = names(&error);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "WXPAY_DATABSE",
            "app_secret",
            "appid",
            "ca_file",
            "call_attempts",
            "colour",
            "database",
            "listen",
            "notify_path",
            "partner",
            "partner_key_file",
            "pay_sign_key",
            "poll_intervals",
            "public_base_url",
            "size",
        ]
    );
    assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
    let missing =
        format!("database must be in a folder that exists: {}", dir.path().join("missing").display());
    assert!(error.to_string().contains(&missing), "{error}");
    assert!(!dir.path().join("missing").exists());
}

#[test]
fn an_unreadable_token_is_one_fault() {
    let open = complete().setting("listen", "0.0.0.0:80").setting("api_token_file", "/nowhere");
    assert_eq!(names(&open.check().unwrap_err()), ["api_token_file"]);
}

#[test]
fn a_malformed_file_is_reported_by_line_without_quoting_it() {
    let error = Sources::default().file("listen = '127.0.0.1:1'\napp_secret = planted\n").unwrap_err();
    assert_eq!(error.to_string(), "the file must be TOML (error in line 2)");
    assert!(!format!("{error:?}").contains("planted"));
}

#[test]
fn the_environment_overrides_the_file_and_an_option_overrides_both() {
    let variables = [
        ("WXPAY_POLL_INTERVALS".to_owned(), "1, 2s".to_owned()),
        ("WXPAY_BASE_URL".to_owned(), "http://127.0.0.1:2".to_owned()),
        ("WXPAY_CALL_ATTEMPTS".to_owned(), "9".to_owned()),
    ];
    let config = complete()
        .file("poll_intervals = [7]\nprepay_lifetime = '3m'\ncall_attempts = 2")
        .unwrap()
        .environment(variables)
        .setting("poll_margin", "4s")
        .check()
        .unwrap();
    assert_eq!(*config.schedule.intervals, [1, 2].map(Duration::from_secs));
    assert_eq!(config.schedule.prepay_lifetime, Duration::from_mins(3));
    assert_eq!(config.schedule.margin, Duration::from_secs(4));
}

#[test]
fn the_variables_exported_by_the_simulator_are_accepted() {
    let variables = [
        ("WXPAY_BASE_URL", "http://127.0.0.1:3".to_owned()),
        ("WXPAY_V1_APPID", "wxd930ea5d5a258f4f".to_owned()),
        ("WXPAY_V1_APP_SECRET", "a".repeat(32)),
        ("WXPAY_V1_PAY_SIGN_KEY", "b".repeat(128)),
        ("WXPAY_V1_PARTNER", "1900000109".to_owned()),
        ("WXPAY_V1_PARTNER_KEY", "c".repeat(32)),
        ("WXPAY_APPID", "not the app of APIv1".to_owned()),
        ("WXPAY_MCHID", "1900000001".to_owned()),
        ("WXPAY_NOTIFY_URL", "not even a URL".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let sources = Sources::default().environment(variables);
    assert!(sources.setting("public_base_url", "http://127.0.0.1:4040").check().is_ok());
}

#[test]
fn public_base_url_is_optional_only_on_loopback() {
    let without = |gateway: &str, listen: &str| {
        let mut sources = complete().setting("gateway_base_url", gateway).setting("listen", listen);
        assert!(sources.take("public_base_url").is_some());
        sources.setting("api_token", "0123456789abcdef").check()
    };
    assert!(without("http://127.0.0.1:9", "127.0.0.1:0").unwrap().notify_url.is_none());
    for (gateway, listen) in [
        ("https://api.weixin.qq.com", "127.0.0.1:0"),
        ("http://127.0.0.1.example:80", "127.0.0.1:0"),
        ("http://127.0.0.1:9", "0.0.0.0:0"),
    ] {
        assert_eq!(names(&without(gateway, listen).unwrap_err()), ["public_base_url"], "{gateway} {listen}");
    }
}

#[test]
fn a_key_may_be_in_a_file_and_the_later_source_overrides() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    fs::write(&path, format!("{}\n", "d".repeat(32))).unwrap();
    let path = path.to_str().unwrap();
    assert!(complete().setting("partner_key_file", path).check().is_ok());
    let unreadable = complete().setting("partner_key_file", "/nowhere");
    assert_eq!(
        unreadable.check().unwrap_err().to_string(),
        "partner_key_file must name a readable text file: /nowhere: No such file or directory (os error 2)"
    );
    let key = complete().setting("partner_key_file", "f".repeat(32)).check().unwrap_err();
    assert!(!key.to_string().contains("ffff"), "{key}");
    let ca = complete().setting("ca_file", "/nowhere").check().unwrap_err();
    assert_eq!(
        ca.to_string(),
        "ca_file must name a readable file: /nowhere: No such file or directory (os error 2)"
    );
    let later = complete().setting("partner_key_file", "/nowhere");
    assert!(later.setting("partner_key", "e".repeat(32)).check().is_ok());
    let both = format!("partner_key = '{}'\npartner_key_file = '{path}'", "e".repeat(32));
    let error = complete().file(&both).unwrap().check().unwrap_err();
    assert_eq!(error.to_string(), "partner_key_file must not be set together with partner_key");
}

#[test]
fn listening_beyond_loopback_requires_a_token() {
    let open = || complete().setting("listen", "0.0.0.0:80");
    assert_eq!(names(&open().check().unwrap_err()), ["api_token"]);
    assert!(open().setting("api_token", "0123456789abcdef").check().is_ok());
    let config = open().setting("api_token", "0123456789abcdef").check().unwrap();
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}
