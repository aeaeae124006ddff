//! Messages whose signatures are explained.

use std::sync::OnceLock;
use wxpay_explain::{Explainer, Key, Keys, Language, Message};

/// Checks the explanation of any message: it ends, a valid one has no cause, and its texts hold no control characters.
pub fn explain(data: &[u8]) {
    static EXPLAINER: OnceLock<Explainer> = OnceLock::new();
    let explainer = EXPLAINER.get_or_init(|| {
        let key = Key::from_pem(PUBLIC_KEY.as_bytes()).unwrap().with_serial("PUB_KEY_ID_0116000000012025");
        Explainer::new(Keys::from_iter([key])).with_appid("wx1").with_api_v3_key(&[b'k'; 32])
    });
    let Ok(message) = Message::parse(data) else { return };
    let explanation = explainer.explain(&message, Some(1_700_000_000));
    assert_eq!(explanation.valid, explanation.causes.is_empty());
    let summary = explanation.summary();
    assert!(summary.is_ascii() && summary.len() < 2000, "{summary}");
    let is_printable = |letter: char| letter == '\n' || !letter.is_control();
    for cause in explanation.causes {
        for message in [Language::English, Language::Chinese].map(|language| cause.message(language)) {
            assert!(message.chars().all(is_printable), "{message:?}");
        }
    }
    if let Some(comparison) = explanation.comparison {
        assert_ne!(comparison.expected(), comparison.signed());
        assert!(comparison.to_string().contains("first difference"));
    }
}

const PUBLIC_KEY: &str = include_str!("../../../wxpay-explain/tests/example/public.pem");
