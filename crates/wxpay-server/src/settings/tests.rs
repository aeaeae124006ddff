use super::*;
use crate::merchants::{Origin, merchant_tests::NOW};
use std::{fs, time::Duration};
use wxpay_sim::{Gateway, Settings as SimSettings, environment::Environment};

const URL: &str = "public_base_url=https://pay.shop.example";

fn complete() -> Sources {
    Sources::default().flag(URL)
}

fn names(error: &SettingsError) -> Vec<&str> {
    error.settings().iter().map(SettingError::setting).collect()
}

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Returns the variables that the simulator exports, with their files in a folder.
fn exported(folder: &std::path::Path) -> Vec<(String, String)> {
    let gateway = Gateway::new(SimSettings::default(), 7);
    let environment = Environment::of(&gateway, "http://127.0.0.1:1", NOW).files(folder).unwrap();
    let pair = |line: &str| {
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        variable(name, value.trim_matches('\''))
    };
    environment.lines().lines().map(pair).collect()
}

#[test]
fn unset_settings_have_defaults() {
    let settings = complete().check().unwrap();
    let values = &settings.values;
    assert_eq!(values.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(values.database, Database::Sqlite("./wxpay.db".into()));
    assert_eq!(values.public_base_url.as_deref(), Some("https://pay.shop.example"));
    assert_eq!(values.order_lifetime, Duration::from_hours(2));
    assert_eq!(values.poll_intervals.len(), 7);
    assert_eq!(values.retain_events, Duration::from_hours(400 * 24));
    assert!(values.metrics_listen.is_none() && values.sealing_key.is_none());
    assert_eq!(values.log_format, LogFormat::Text);
}

#[test]
fn every_default_and_every_example_is_valid() {
    for setting in TABLE {
        for value in [Some(setting.default), setting.tag("example")].into_iter().flatten() {
            if setting.is_secret() || setting.name == "ca_file" || value.is_empty() {
                continue;
            }
            // Redis requires it.
            let key = variable("WXPAY_SEALING_KEY", &"ab".repeat(32));
            let checked = complete().environment([key]).flag(&format!("{}={value}", setting.name)).check();
            assert!(checked.is_ok(), "{}: {checked:?}", setting.name);
        }
    }
}

#[test]
fn an_invalid_value_is_reported_by_name_and_rule_and_not_printed() {
    for (name, value) in [
        ("listen", "planted"),
        ("metrics_listen", "planted:80"),
        ("database", "postgres://planted"),
        ("redis", "planted"),
        ("redis", "redis://planted:x"),
        ("redis", "http://planted"),
        ("public_base_url", "planted"),
        ("public_base_url", "https://planted/?a=b"),
        ("public_base_url", "http://planted.example"),
        ("public_base_url", "https://[::1]/planted"),
        ("gateway_base_url", "ftp://planted"),
        ("proxy", "planted"),
        ("call_timeout", "planted"),
        ("call_attempts", "0"),
        ("call_attempts", "11"),
        ("order_lifetime", "0"),
        ("poll_intervals", "15, planted"),
        ("poll_concurrency_max", "+5"),
        ("webhook_allow", "10.0.0.0/planted"),
        ("webhook_insecure", "yes"),
        ("rate_limit", "planted"),
        ("retain_events", "planted"),
        ("log_format", "planted"),
    ] {
        let error = complete().flag(&format!("{name}={value}")).check().unwrap_err();
        assert_eq!(names(&error), [name], "{value}");
        assert!(error.to_string().starts_with(&format!("{name} must ")), "{error}");
        assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
    }
}

#[test]
fn all_faults_of_all_sources_are_reported_together() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/wxpay.db");
    let file = "
        colour = 'red'
        listen = 'localhost'
        call_attempts = 0
        ca_file = '/nowhere'
        sealing_key_file = '/nowhere'
        [merchants.shop1]
        mchid = 'planted'
        api_v3_key = 'planted'
        private_key_file = '/nowhere'
        [merchants.shop2]
        mchid = 'planted'
        colour = 'red'
        partner = 'yes'
        apps = [{ appid = 'planted', colour = 'red' }]
        [merchants.Shop]
        [merchants.shop2.v1]
        size = 1
    ";
    let error = Sources::default()
        .file(file)
        .environment([variable("WXPAY_MCHID", "planted"), variable("WXPAY_RATE_LIMIT", "planted")])
        .flag("size=1")
        .flag(&format!("database={}", missing.display()))
        .check()
        .unwrap_err();
    let found = names(&error);
    for name in [
        "colour",
        "listen",
        "call_attempts",
        "sealing_key_file",
        "ca_file",
        "database",
        "public_base_url",
        "merchants.shop1.private_key_file",
        "merchants.shop2.mchid",
        "merchants.shop2.colour",
        "merchants.shop2.partner",
        "merchants.shop2.apps",
        "merchants.shop2.private_key",
        "merchants.Shop",
        "merchants.shop2.v1.size",
        "WXPAY_MCHID",
        "WXPAY_PRIVATE_KEY_FILE",
        "WXPAY_API_V3_KEY",
        "WXPAY_APPID",
        "WXPAY_RATE_LIMIT",
        "size",
    ] {
        assert!(found.contains(&name), "{name} in {found:?}");
    }
    assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
}

#[test]
fn faults_between_settings_are_reported_together() {
    let ca = variable("WXPAY_TLS_CA_FILE", "/nowhere");
    let error = Sources::default().environment([ca]).flag("database=/nowhere/wxpay.db").check();
    let error = error.unwrap_err();
    assert_eq!(names(&error), ["database", "public_base_url", "WXPAY_TLS_CA_FILE"]);
    assert_eq!(
        error.settings()[0].to_string(),
        "database must be in a folder that exists: /nowhere: create the folder, or correct the path"
    );
}

#[test]
fn the_variables_exported_by_the_simulator_define_the_default_merchant() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Sources::default().environment(exported(folder.path())).check().unwrap();
    let [merchant] = &settings.merchants[..] else { panic!("{settings:?}") };
    assert_eq!((merchant.name().as_str(), merchant.origin()), ("default", Origin::Settings));
    assert!(merchant.v3().is_some() && merchant.v1().is_some());
    assert_eq!(settings.values.gateway_base_url.as_deref(), Some("http://127.0.0.1:1"));
    assert_eq!(
        settings.warnings(),
        ["WXPAY_NOTIFY_URL is ignored: notifications arrive under public_base_url"]
    );
    let all = exported(folder.path());
    let secret = |name: &str| all.iter().find(|(known, _)| known == name).unwrap().1.clone();
    let printed = format!("{settings:?}");
    for name in ["WXPAY_API_V3_KEY", "WXPAY_V1_APP_SECRET", "WXPAY_V1_PARTNER_KEY"] {
        assert!(!printed.contains(&secret(name)), "{name}");
    }
}

#[test]
fn a_merchant_in_the_file_has_apps_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let variables = exported(folder.path());
    let of = |name: &str| variables.iter().find(|(known, _)| known == name).unwrap().1.clone();
    let key = folder.path().join("api_v3.key");
    fs::write(&key, format!("{}\n", of("WXPAY_API_V3_KEY"))).unwrap();
    let file = format!(
        "public_base_url = 'https://pay.shop.example'
        [merchants.shop1]
        mchid = '1900000001'
        private_key_file = '{}'
        certificate_file = '{}'
        api_v3_key_file = '{}'
        platform_certificate_files = ['{}']
        platform_certificates = true
        partner = true
        sub_merchants = [{{ sub_mchid = '1900000108' }}]
        [[merchants.shop1.apps]]
        appid = 'wxd678efh567hg6787'
        name = 'mini'
        channels = ['jsapi']
        [merchants.shop1.v1]
        appid = '{}'
        partner = '{}'
        app_secret = '{}'
        pay_sign_key = '{}'
        partner_key = '{}'",
        of("WXPAY_PRIVATE_KEY_FILE"),
        of("WXPAY_CERTIFICATE_FILE"),
        key.display(),
        of("WXPAY_PLATFORM_CERTIFICATE_FILE"),
        of("WXPAY_V1_APPID"),
        of("WXPAY_V1_PARTNER"),
        of("WXPAY_V1_APP_SECRET"),
        of("WXPAY_V1_PAY_SIGN_KEY"),
        of("WXPAY_V1_PARTNER_KEY"),
    );
    let settings = Sources::default().file(&file).check().unwrap();
    let merchant = settings.merchants.first().unwrap();
    assert_eq!((merchant.name().as_str(), merchant.mchid()), ("shop1", "1900000001"));
    assert!(merchant.is_partner() && merchant.settings().platform_certificates);
    assert_eq!(merchant.apps().len(), 2);
    let twice = file.replace("[merchants.shop1.v1]", "[merchants.shop2.v1]");
    let error = Sources::default().file(&twice).check();
    let settings = error.unwrap();
    assert_eq!(settings.merchants.len(), 2, "APIv1 alone is a merchant");
}

#[test]
fn a_merchant_number_of_two_merchants_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let variables = exported(folder.path());
    let of = |name: &str| variables.iter().find(|(known, _)| known == name).unwrap().1.clone();
    let file = format!(
        "[merchants.copy.v1]
        appid = '{}'
        partner = '{}'
        app_secret = '{}'
        pay_sign_key = '{}'
        partner_key = '{}'",
        of("WXPAY_V1_APPID"),
        of("WXPAY_V1_PARTNER"),
        of("WXPAY_V1_APP_SECRET"),
        of("WXPAY_V1_PAY_SIGN_KEY"),
        of("WXPAY_V1_PARTNER_KEY"),
    );
    let error = Sources::default().file(&file).environment(variables).check().unwrap_err();
    assert_eq!(names(&error), ["merchants"]);
    assert!(error.to_string().contains("same merchant number"), "{error}");
}

#[test]
fn unknown_variables_are_warned_about_and_unknown_settings_refused() {
    let settings = complete().environment([
        variable("WXPAY_SERVICE_HOST", "planted"),
        variable("WXPAY_LOG", "debug"),
        variable("WXPAY_NOTIFY_URL", "planted"),
        variable("WXPAY_LISTEN", ""),
        variable("PATH", "planted"),
    ]);
    let settings = settings.check().unwrap();
    assert_eq!(settings.warnings().len(), 3, "{:?}", settings.warnings());
    assert_eq!(settings.warnings()[0], "WXPAY_SERVICE_HOST is ignored: it is no setting");
    assert!(!format!("{:?}", settings.warnings()).contains("planted"));
    let many = (0..100).map(|index| variable(&format!("WXPAY_X{index}"), "1"));
    assert_eq!(complete().environment(many).check().unwrap().warnings().len(), 22);
    let file = |text: &str| names(&complete().file(text).check().unwrap_err()).join(" ");
    assert_eq!(file("databse = 'x'"), "databse");
    assert_eq!(file("[table]\na = 1"), "table");
    assert_eq!(file("listen = 1.5"), "listen");
    assert_eq!(file("merchants = 1"), "merchants");
    let secret = complete().flag("wxk_Planted").check().unwrap_err();
    assert!(!secret.to_string().contains("Planted"), "{secret}");
}

#[test]
fn a_malformed_file_is_reported_by_line_without_quoting_it() {
    let error = complete().file("listen = '127.0.0.1:1'\nsealing_key = planted\n").check().unwrap_err();
    assert!(error.to_string().starts_with("the file must be TOML (error in line 2)"), "{error}");
    assert!(!format!("{error:?}").contains("planted"));
}

#[test]
fn the_environment_overrides_the_file_and_a_flag_overrides_both() {
    let settings = complete()
        .file("poll_intervals = [7]\norder_lifetime = '3m'\ncall_attempts = 2\nwebhook_insecure = true")
        .environment([variable("WXPAY_POLL_INTERVALS", "1, 2s"), variable("WXPAY_CALL_ATTEMPTS", "9")])
        .flag("call_attempts=3")
        .check()
        .unwrap();
    let values = &settings.values;
    assert_eq!(values.poll_intervals, [1, 2].map(Duration::from_secs));
    assert_eq!((values.order_lifetime, values.call_attempts), (Duration::from_mins(3), 3));
    assert!(values.webhook_insecure);
    assert_eq!(settings.upstream.policy.max_attempts, 3);
}

#[test]
fn a_secret_may_be_in_a_file_and_the_later_source_overrides() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sealing.key");
    fs::write(&path, format!("{}\n", "ab".repeat(32))).unwrap();
    let by_file = format!("sealing_key_file = '{}'", path.display());
    let settings = complete().file(&by_file).check().unwrap();
    assert_eq!(settings.values.sealing_key.as_ref().unwrap().expose(), &[0xab; 32]);
    assert!(settings.sealing_keys().current_id().is_some());
    assert!(!format!("{settings:?}").contains("abab"));
    let key = variable("WXPAY_SEALING_KEY", &"cd".repeat(32));
    let settings = complete().file(&by_file).environment([key]).check().unwrap();
    assert_eq!(settings.values.sealing_key.as_ref().unwrap().expose(), &[0xcd; 32]);
    let both = format!("{by_file}\nsealing_key = '{}'", "cd".repeat(32));
    assert_eq!(names(&complete().file(&both).check().unwrap_err()), ["sealing_key_file"]);
    let key_as_path = format!("sealing_key_file = '{}'", "ab".repeat(32));
    let error = complete().file(&key_as_path).check().unwrap_err();
    assert!(!error.to_string().contains("abab"), "{error}");
    let variable = variable("WXPAY_SEALING_KEY_FILE", &path.to_string_lossy());
    assert!(complete().environment([variable]).check().unwrap().values.sealing_key.is_some());
}

#[test]
fn a_secret_is_refused_as_a_flag() {
    let error = complete().flag(&format!("sealing_key={}", "ab".repeat(32))).check().unwrap_err();
    assert_eq!(names(&error), ["sealing_key"]);
    assert!(error.to_string().contains("sealing_key_file") && !error.to_string().contains("abab"), "{error}");
}

#[test]
fn redis_requires_the_sealing_key_and_its_password_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("redis.password");
    fs::write(&password, "planted\n").unwrap();
    let sources = || {
        let file = variable("WXPAY_REDIS_PASSWORD_FILE", &password.to_string_lossy());
        complete().environment([file, variable("WXPAY_REDIS", "redis://pay@h")])
    };
    let error = sources().check().unwrap_err();
    assert_eq!(names(&error), ["WXPAY_REDIS"]);
    assert!(error.to_string().contains("requires sealing_key"), "{error}");
    let settings = sources().environment([variable("WXPAY_SEALING_KEY", &"ab".repeat(32))]).check().unwrap();
    let redis = settings.redis().unwrap();
    assert_eq!(settings.summary().redis.as_deref(), Some("redis://h:6379/0"));
    assert!(!format!("{settings:?} {redis:?} {:?}", settings.summary()).contains("planted"));
}

#[test]
fn servers_of_apiv1_on_one_database_are_warned_without_a_sealing_key() {
    let folder = tempfile::tempdir().unwrap();
    let sources = |database: &str| {
        Sources::default().environment(exported(folder.path())).flag(&format!("database={database}"))
    };
    let warned = |sources: Sources| {
        let settings = sources.check().unwrap();
        settings.warnings().iter().any(|warning| warning.contains("access token of APIv1"))
    };
    let key = || variable("WXPAY_SEALING_KEY", &"ab".repeat(32));
    assert!(warned(sources("postgres://h/a")));
    assert!(!warned(sources("postgres://h/a").environment([key()])));
    assert!(!warned(sources("./wxpay.db")));
}

#[test]
fn public_base_url_is_optional_only_on_loopback_or_for_developers() {
    let without = |gateway: &str, listen: &str| {
        let sources = Sources::default().flag(&format!("gateway_base_url={gateway}"));
        sources.flag(&format!("listen={listen}")).check()
    };
    assert!(without("http://127.0.0.1:9", "127.0.0.1:0").unwrap().values.public_base_url.is_none());
    for (gateway, listen) in [
        ("https://api.mch.weixin.qq.com", "127.0.0.1:0"),
        ("http://127.0.0.1.example:80", "127.0.0.1:0"),
        ("http://127.0.0.1:9", "0.0.0.0:0"),
    ] {
        assert_eq!(names(&without(gateway, listen).unwrap_err()), ["public_base_url"], "{gateway} {listen}");
    }
    assert!(Sources::default().dev().check().is_ok());
    assert!(Sources::default().dev().flag("public_base_url=http://10.0.0.1:8080").check().is_ok());
}

#[test]
fn notify_urls_are_under_the_base_url() {
    let name = "shop1".parse().unwrap();
    for base in ["https://pay.shop.example", "https://pay.shop.example/"] {
        let url = notify_url(base, &name, "payment").unwrap();
        assert_eq!(url.as_str(), "https://pay.shop.example/notify/shop1/payment");
    }
    let long = format!("public_base_url=https://pay.shop.example/{}", "x".repeat(200));
    assert_eq!(names(&Sources::default().flag(&long).check().unwrap_err()), ["public_base_url"]);
}

#[test]
fn the_sample_has_every_setting_and_is_accepted() {
    let sample = sample();
    assert!(sample.lines().all(|line| line.is_empty() || line.starts_with('#')), "{sample}");
    assert!(complete().file(&sample).check().is_ok());
    for setting in TABLE {
        assert!(sample.contains(&format!("\n#{}", setting.name)), "{}", setting.name);
        assert!(!setting.doc.is_empty(), "{}", setting.name);
    }
    let uncommented: Vec<_> = sample
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or_default())
        .collect();
    let uncommented = uncommented.join("\n");
    let error = Sources::default().file(&uncommented).check().unwrap_err();
    for setting in error.settings() {
        assert!(setting.rule().contains("must name a readable text file"), "{setting}");
    }
    assert!(names(&error).contains(&"merchants.shop1.v1.partner_key_file"), "{error}");
}
