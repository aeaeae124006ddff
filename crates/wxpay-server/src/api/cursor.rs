//! Opaque cursors of lists.
//!
//! A cursor contains a position only. It grants nothing: the list's filters and the key's merchants apply to every page.

use super::problem::Problem;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wxpay_openapi::Form;

/// A list, which its cursors belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Orders,
    Refunds,
    Events,
    Endpoints,
    Attempts,
    Cases,
    Merchants,
    ApiKeys,
    Audit,
}

impl List {
    /// Returns the letter of the list in its cursors, which never changes.
    const fn letter(self) -> u8 {
        match self {
            Self::Orders => b'o',
            Self::Refunds => b'r',
            Self::Events => b'e',
            Self::Endpoints => b'w',
            Self::Attempts => b'a',
            Self::Cases => b'c',
            Self::Merchants => b'm',
            Self::ApiKeys => b'k',
            Self::Audit => b'u',
        }
    }
}

/// The form of cursors in requests.
pub(crate) const CURSOR: Form = Form {
    pattern: "^[0-9A-Za-z_-]{8,512}$",
    format: "",
    max_json_bytes: 512,
    rule: RULE,
    accepts: |text| wxpay_openapi::is_of(text, 8, 512, "0-9A-Za-z_-"),
    sample: "AW8AAAAA",
};

const RULE: &str = "must be next_cursor of the same list, as returned";
/// The version of the form of cursors.
const VERSION: u8 = 1;
/// Length of the checksum, which detects typing errors and cut cursors.
const CHECKSUM_BYTES: usize = 8;

/// A position in a list, read from a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor(Value);

impl Cursor {
    /// Renders the cursor of a position.
    pub(crate) fn encode(list: List, position: &impl Serialize) -> String {
        // Positions are tuples of numbers and texts, which always serialise.
        let position = serde_json::to_vec(position).unwrap_or_default();
        let mut bytes = vec![VERSION, list.letter()];
        bytes.extend(checksum(list, &position));
        bytes.extend(position);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor of a list.
    ///
    /// # Errors
    ///
    /// 422 if the text was not rendered by this server for this list.
    pub(crate) fn decode(list: List, text: &str) -> Result<Self, Problem> {
        let invalid = || Problem::invalid_field("cursor", RULE);
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let [VERSION, letter, rest @ ..] = &bytes[..] else { return Err(invalid()) };
        let (sum, position) = rest.split_first_chunk::<CHECKSUM_BYTES>().ok_or_else(invalid)?;
        if *letter != list.letter() || *sum != checksum(list, position) {
            return Err(invalid());
        }
        serde_json::from_slice(position).map(Self).map_err(|_| invalid())
    }

    /// Returns the position.
    ///
    /// # Errors
    ///
    /// 422 if the list has positions of another type.
    pub(crate) fn position<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        T::deserialize(&self.0).map_err(|_| Problem::invalid_field("cursor", RULE))
    }
}

fn checksum(list: List, position: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::new()
        .chain_update(b"wxpay cursor")
        .chain_update([VERSION, list.letter()])
        .chain_update(position)
        .finalize();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_returns_its_position() {
        let text = Cursor::encode(List::Orders, &(1_780_000_000_000_u64, "shop", "A*单"));
        assert!((CURSOR.accepts)(&text), "{text}");
        let position: (u64, String, String) =
            Cursor::decode(List::Orders, &text).unwrap().position().unwrap();
        assert_eq!(position, (1_780_000_000_000, "shop".into(), "A*单".into()));
    }

    #[test]
    fn changed_cursor_and_that_of_another_list_are_refused() {
        let text = Cursor::encode(List::Events, &(7_u64, 3_u16));
        for at in 0..text.len() {
            for other in ['A', 'B', '_'] {
                let mut changed: Vec<char> = text.chars().collect();
                if changed[at] == other {
                    continue;
                }
                changed[at] = other;
                let changed: String = changed.into_iter().collect();
                let problem = Cursor::decode(List::Events, &changed).unwrap_err();
                assert_eq!((problem.status().as_u16(), problem.field()), (422, Some("cursor")), "{changed}");
            }
            assert!(Cursor::decode(List::Events, text.get(..at).unwrap()).is_err());
        }
        assert!(Cursor::decode(List::Orders, &text).is_err());
        assert!(Cursor::decode(List::Events, &text).unwrap().position::<String>().is_err());
    }
}
