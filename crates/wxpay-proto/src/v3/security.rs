//! Does all of it work? WeChat Pay says back what it is told, in plain and sealed.
//!
//! `POST /v3/security/echo`. It is signed and verified like any operation, moves no money, and so tells whether number,
//! certificate, keys and clock fit together: for a check of one's health, or before a day on which keys are changed.

use super::{
    endpoint::{Draft, Endpoint, Repeat},
    field,
    merchant::Merchant,
    seal::{Pen, Sealed, Sensitive},
    verify::{Verified, malformed},
};
use crate::{
    error::Error,
    id::{Invalid, NotifyUrl},
    world::World,
};
use alloc::string::String;

/// Asks WeChat Pay to say a text back. Comes to nothing but that it did; anything else is an error.
///
/// `Debug` does not show what is sealed.
#[derive(Clone, Debug)]
pub struct Echo {
    plain: String,
    sensitive: Option<Sensitive>,
    notify_url: Option<NotifyUrl>,
}

/// `SECURITY_ECHO.SUCCESS`: what WeChat Pay says back in a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Echoed {
    /// What was told.
    pub echo_message: String,
    /// What was told sealed, sealed for the merchant's certificate: [`Merchant::open`] opens it.
    pub encrypted_echo_message: Option<Sealed>,
}

impl Echo {
    /// Tells this text: 1 to 256 characters.
    ///
    /// # Errors
    ///
    /// When it breaks its rule.
    pub fn new(echo_message: &str) -> Result<Self, Invalid> {
        let rule = Invalid::new("echo_message", "must be 1 to 256 characters, none beyond the basic plane");
        let plain = field::text(echo_message, 256, rule)?;
        Ok(Self { plain, sensitive: None, notify_url: None })
    }

    /// Tells this, too, sealed: WeChat Pay opens it and seals it for the merchant's own certificate. Tells whether
    /// sensitive fields work both ways.
    #[must_use]
    pub fn encrypted(self, message: Sensitive) -> Self {
        Self { sensitive: Some(message), ..self }
    }

    /// Has the same told in a notice, too: [`Event::Echo`](super::Event::Echo).
    #[must_use]
    pub fn notify_url(self, notify_url: NotifyUrl) -> Self {
        Self { notify_url: Some(notify_url), ..self }
    }

    /// What was sealed must come back sealed for us.
    fn is_opened(&self, sealed: Option<&Sealed>, me: &Merchant) -> Result<bool, Error> {
        match (&self.sensitive, sealed) {
            (None, _) => Ok(true),
            (Some(_), None) => Ok(false),
            (Some(told), Some(sealed)) => Ok(me.open(sealed.as_str())?.expose() == told.expose()),
        }
    }
}

#[derive(serde::Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a NotifyUrl>,
    echo_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_echo_message: Option<Sealed>,
}

impl Endpoint for Echo {
    type Output = ();

    /// The document insists on a named key even where nothing is sealed.
    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        pen.name_key()?;
        let body = Body {
            notify_url: self.notify_url.as_ref(),
            echo_message: &self.plain,
            encrypted_echo_message: pen.seal_if(self.sensitive.as_ref())?,
        };
        Ok(Draft::post("v3.security.echo", "/v3/security/echo", &body))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        let Echoed { echo_message, encrypted_echo_message } = Echoed::read(reply)?;
        let wrong = |field| Err(malformed().caused_by(Invalid::new(field, "must be what was told")));
        if echo_message != self.plain {
            return wrong("echo_message");
        }
        if !self.is_opened(encrypted_echo_message.as_ref(), me)? {
            return wrong("encrypted_echo_message");
        }
        Ok(())
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}

impl Echoed {
    /// Reads it.
    pub(super) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let Wire { echo_message, in_reply, in_notice } = body.parse()?;
        Ok(Self { echo_message, encrypted_echo_message: in_reply.or(in_notice) })
    }
}

/// The notice spells the sealed one in its own way.
#[derive(serde::Deserialize)]
struct Wire {
    echo_message: String,
    #[serde(rename = "encrypted_echo_message")]
    in_reply: Option<Sealed>,
    #[serde(rename = "encrypt_echo_message")]
    in_notice: Option<Sealed>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::ErrorKind,
        v3::{
            Event,
            toy::{self, Signer, Stage, read, sealed, sealed_for_merchant, written},
        },
    };
    use alloc::{format, string::ToString as _};
    use core::error::Error as _;

    fn plain() -> Echo {
        Echo::new("hello").unwrap()
    }

    fn full() -> Echo {
        plain()
            .encrypted(Sensitive::new("planted".into()).unwrap())
            .notify_url("https://example.com/notices".parse().unwrap())
    }

    #[test]
    fn a_full_and_a_minimal_request_say_what_they_should() {
        let line = "POST /v3/security/echo".to_string();
        let expected = format!(
            r#"{{"notify_url":"https://example.com/notices","echo_message":"hello","encrypted_echo_message":"{}"}}"#,
            sealed("planted")
        );
        assert_eq!(written(&full()), (line.clone(), expected));
        assert_eq!(written(&plain()), (line, r#"{"echo_message":"hello"}"#.into()));
        assert!(!format!("{:?}", full()).contains("planted"));
        assert_eq!(Echo::new("").unwrap_err().field(), "echo_message");
        assert!(Echo::new(&"x".repeat(257)).is_err());
    }

    #[test]
    fn only_what_was_told_is_an_echo() {
        let back =
            |sealed: &str| format!(r#"{{"echo_message":"hello","encrypted_echo_message":"{sealed}"}}"#);
        assert!(read(&plain(), r#"{"echo_message":"hello"}"#).is_ok());
        assert!(read(&full(), &back(&sealed_for_merchant(b"planted"))).is_ok());
        for (echo, reply, wrong) in [
            (plain(), r#"{"echo_message":"hallo"}"#.to_string(), Some("echo_message must be what was told")),
            (
                full(),
                r#"{"echo_message":"hello"}"#.into(),
                Some("encrypted_echo_message must be what was told"),
            ),
            (
                full(),
                back(&sealed_for_merchant(b"planned")),
                Some("encrypted_echo_message must be what was told"),
            ),
            (full(), back(&sealed("planted")), None),
            (plain(), "{}".into(), None),
        ] {
            let error = read(&echo, &reply).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{reply}");
            if let Some(wrong) = wrong {
                assert_eq!(error.source().unwrap().to_string(), wrong);
            }
        }
    }

    #[test]
    fn the_key_is_fetched_and_named_even_where_nothing_is_sealed() {
        let (mut stage, signer) = (Stage::new(), Signer::certificate(1));
        let echoed = stage.run(toy::by_certificates().build().call(plain()), |hop, now| {
            let fetch = hop.label == "v3.certificates";
            let body = if fetch { toy::list(&[&signer]) } else { r#"{"echo_message":"hello"}"#.into() };
            Ok(signer.reply(200, &body, *now))
        });
        echoed.unwrap();
        assert_eq!(stage.sent[1].header("wechatpay-serial"), Some(signer.id.as_str()));
    }

    #[test]
    fn a_notice_says_it_back_in_its_own_spelling() {
        let sealed = sealed_for_merchant(b"planted");
        for name in ["encrypt_echo_message", "encrypted_echo_message"] {
            let said = format!(r#"{{"echo_message":"hello","{name}":"{sealed}"}}"#);
            let Event::Echo(echoed) =
                toy::notice("SECURITY_ECHO.SUCCESS", "security", &said).event().unwrap()
            else {
                panic!("it is an echo")
            };
            assert_eq!(echoed.echo_message, "hello");
            let opened = toy::merchant().open(echoed.encrypted_echo_message.unwrap().as_str());
            assert_eq!(opened.unwrap().expose(), "planted");
        }
    }
}
