//! The test vectors of this repository, generated with OpenSSL: one folder per case, one file per stage.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use wxpay_proto::UnixTime;

/// A case: its input, and the folder with the expected result of each stage.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    pub(crate) context: Value,
}

impl Case {
    /// Returns all cases of a kind. Panics if there are none.
    pub(crate) fn all(api_version: &str, kind: &str) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(api_version).join(kind);
        let cases: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let folder = entry.unwrap().path();
                let context =
                    serde_json::from_slice(&fs::read(folder.join("context.json")).unwrap()).unwrap();
                Self { folder, context }
            })
            .collect();
        assert!(!cases.is_empty());
        cases
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.context[name].as_str().unwrap_or_else(|| panic!("{name} of {}", self.folder.display()))
    }

    pub(crate) fn at(&self) -> UnixTime {
        UnixTime::from_secs(self.context["timestamp"].as_u64().unwrap())
    }

    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name))
            .unwrap_or_else(|error| panic!("{name} of {}: {error}", self.folder.display()))
    }

    /// Compares a result with the file of that name, byte for byte.
    #[track_caller]
    pub(crate) fn stage(&self, name: &str, actual: impl AsRef<[u8]>) {
        let expected = self.file(name);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(actual.as_ref()), text(&expected), "{} of {}", name, self.folder.display());
        assert_eq!(actual.as_ref(), expected);
    }
}
