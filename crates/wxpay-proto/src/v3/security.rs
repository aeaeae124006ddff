//! The echo operation: tests signing, verification and encryption in both directions.
//!
//! `POST /v3/security/echo`. The operation is signed and verified like any other, and moves no money. It shows whether
//! merchant number, certificate, keys and clock fit together. Use it as a health check, or before a key rotation.

use super::{prelude::*, seal::Sealed};
use crate::id::NotifyUrl;

body! {
    /// Sends a text that WeChat Pay returns. Succeeds only if the returned text is the same.
    #[derive(Clone)]
    pub struct Echo {
        /// Also requests the echo as a notification: [`Event::Echo`](super::Event::Echo).
        optional notify_url: NotifyUrl,
        required echo_message: Chars<256>,
        /// Also sends a sealed text. WeChat Pay opens it, and seals it for the merchant's own certificate. This tests
        /// sensitive fields in both directions.
        optional encrypted_echo_message: Sensitive,
    }
    Debug { notify_url }
}

/// The echoed message, in the reply, and in the notification `SECURITY_ECHO.SUCCESS`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EchoNotification {
    /// The text that was sent in plain.
    pub echo_message: String,
    /// The text that was sent sealed, now sealed for the merchant's certificate. [`Merchant::open`] opens it.
    pub encrypted_echo_message: Option<Sealed>,
}

impl Echo {
    /// Creates an echo of this text: 1 to 256 characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the text is empty, too long, or contains characters that WeChat Pay rejects.
    pub fn new(echo_message: impl AsRef<str>) -> Result<Self, InvalidField> {
        Ok(Self::required(Chars::new("echo_message", echo_message)?))
    }

    /// Returns whether the sealed text, if one was sent, was returned unchanged, sealed for the merchant.
    fn decrypts_to_sent(&self, sealed: Option<&Sealed>, merchant: &Merchant) -> Result<bool, Error> {
        match (&self.encrypted_echo_message, sealed) {
            (None, _) => Ok(true),
            (Some(_), None) => Ok(false),
            (Some(sent), Some(sealed)) => Ok(merchant.open(sealed.as_str())?.expose() == sent.expose()),
        }
    }
}

impl Endpoint for Echo {
    type Output = ();

    /// Writes the request. Its documentation requires `Wechatpay-Serial` even if nothing is sealed.
    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        writer.set_serial_header()?;
        writer.post("v3.security.echo", "/v3/security/echo", self)
    }

    fn read(&self, reply: Verified<'_>, merchant: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        let EchoNotification { echo_message, encrypted_echo_message } = EchoNotification::read(reply)?;
        require(echo_message == self.echo_message.as_str(), "echo_message", "must equal the text sent")?;
        let is_sent = self.decrypts_to_sent(encrypted_echo_message.as_ref(), merchant)?;
        require(is_sent, "encrypted_echo_message", "must equal the text sent")
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

impl EchoNotification {
    /// Reads the message from a reply or a notification.
    pub(super) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let Wire { echo_message, reply_spelling, notification_spelling } = body.read()?;
        Ok(Self { echo_message, encrypted_echo_message: reply_spelling.or(notification_spelling) })
    }
}

object! {
    /// The message on the wire. The notification spells the sealed field without the `ed` of `encrypted`.
    struct Wire {
        echo_message: String,
        reply_spelling: Option<Sealed> as "encrypted_echo_message",
        notification_spelling: Option<Sealed> as "encrypt_echo_message",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::ErrorKind,
        v3::{
            Event,
            fake::{self, Harness, SigningKey, drafted, read, sealed, sealed_for_merchant},
        },
    };
    use core::error::Error as _;

    fn plain() -> Echo {
        Echo::new("hello").unwrap()
    }

    fn full() -> Echo {
        plain()
            .encrypted_echo_message(Sensitive::new("planted".into()).unwrap())
            .notify_url("https://example.com/notify".parse().unwrap())
    }

    #[test]
    fn a_full_and_a_minimal_echo_have_the_expected_bodies() {
        let line = "POST /v3/security/echo".to_string();
        let expected = format!(
            r#"{{"notify_url":"https://example.com/notify","echo_message":"hello","encrypted_echo_message":"{}"}}"#,
            sealed("planted")
        );
        assert_eq!(drafted(&full()), (line.clone(), expected));
        assert_eq!(drafted(&plain()), (line, r#"{"echo_message":"hello"}"#.into()));
        assert!(!format!("{:?}", full()).contains("planted"));
        assert_eq!(Echo::new("").unwrap_err().field(), "echo_message");
        assert!(Echo::new("x".repeat(257)).is_err());
    }

    #[test]
    fn an_echo_must_equal_the_text_sent() {
        let reply_body =
            |sealed: &str| format!(r#"{{"echo_message":"hello","encrypted_echo_message":"{sealed}"}}"#);
        assert!(read(&plain(), r#"{"echo_message":"hello"}"#).is_ok());
        assert!(read(&full(), &reply_body(&sealed_for_merchant(b"planted"))).is_ok());
        for (echo, reply, problem) in [
            (
                plain(),
                r#"{"echo_message":"hallo"}"#.to_string(),
                Some("echo_message must equal the text sent"),
            ),
            (
                full(),
                r#"{"echo_message":"hello"}"#.into(),
                Some("encrypted_echo_message must equal the text sent"),
            ),
            (
                full(),
                reply_body(&sealed_for_merchant(b"planned")),
                Some("encrypted_echo_message must equal the text sent"),
            ),
            (full(), reply_body(&sealed("planted")), None),
            (plain(), "{}".into(), None),
        ] {
            let error = read(&echo, &reply).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{reply}");
            if let Some(problem) = problem {
                assert_eq!(error.source().unwrap().to_string(), problem);
            }
        }
    }

    #[test]
    fn an_echo_fetches_and_names_the_key_even_if_nothing_is_sealed() {
        let (mut harness, signer) = (Harness::new(), SigningKey::certificate(1));
        let echoed = harness.run(fake::with_certificates().build().call(plain()), |transmit, now| {
            let fetch = transmit.label == "v3.certificates";
            let body = if fetch { fake::list(&[&signer]) } else { r#"{"echo_message":"hello"}"#.into() };
            Ok(signer.reply(200, &body, *now))
        });
        echoed.unwrap();
        assert_eq!(harness.sent[1].header("wechatpay-serial"), Some(signer.id.as_str()));
    }

    #[test]
    fn an_echo_notification_spells_the_sealed_field_differently() {
        let sealed = sealed_for_merchant(b"planted");
        for name in ["encrypt_echo_message", "encrypted_echo_message"] {
            let body = format!(r#"{{"echo_message":"hello","{name}":"{sealed}"}}"#);
            let Event::Echo(echoed) =
                fake::notification("SECURITY_ECHO.SUCCESS", "security", &body).event().unwrap()
            else {
                panic!("expected Event::Echo")
            };
            assert_eq!(echoed.echo_message, "hello");
            let opened = fake::merchant().open(echoed.encrypted_echo_message.unwrap().as_str());
            assert_eq!(opened.unwrap().expose(), "planted");
        }
    }
}
