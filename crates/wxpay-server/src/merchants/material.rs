//! The keys and certificates of a merchant: parsed, and checked to fit together.

use super::{keys::MerchantKeys, settings::MerchantSettings};
use crate::invalid::Invalid;
use std::{fmt, sync::Arc};
use wxpay_proto::{
    crypto::{Certificate, CryptoProvider, PrivateKey, PublicKey, pem},
    id::{PublicKeyId, SerialNo},
    secret::Secret,
    v3::ApiV3Key,
};

/// The parsed material of APIv3.
pub(super) struct Material {
    pub(super) private_key: Arc<dyn PrivateKey>,
    pub(super) serial_no: SerialNo,
    pub(super) api_v3_key: ApiV3Key,
    pub(super) previous_api_v3_key: Option<ApiV3Key>,
    pub(super) public_key: Option<(PublicKeyId, Arc<dyn PublicKey>)>,
    pub(super) trusted_certificates: Vec<Certificate>,
}

/// Reads the material, and collects all faults.
pub(super) struct Reader<'a> {
    pub(super) provider: &'a dyn CryptoProvider,
    pub(super) settings: &'a MerchantSettings,
    pub(super) keys: &'a MerchantKeys,
    pub(super) faults: &'a mut Vec<Invalid>,
}

impl Reader<'_> {
    pub(super) fn read(mut self) -> Option<Material> {
        let certificate = self.certificate();
        let private_key = self.private_key();
        if let (Some(key), Some((_, Some(certified)))) = (&private_key, &certificate) {
            self.check_pair(&**key, &**certified);
        }
        let serial_no = self.serial_no(certificate.as_ref().map(|(certificate, _)| certificate));
        let api_v3_key = match &self.keys.api_v3_key {
            Some(text) => self.api_v3_key("api_v3_key", text),
            None => self.missing("api_v3_key", "copy the APIv3 key from the merchant platform"),
        };
        let previous = self.keys.previous_api_v3_key.as_ref();
        let previous_api_v3_key = previous.map(|text| self.api_v3_key("previous_api_v3_key", text));
        let public_key = self.public_key();
        let trusted_certificates = self.trusted_certificates();
        Some(Material {
            private_key: private_key?,
            serial_no: serial_no?,
            api_v3_key: api_v3_key?,
            previous_api_v3_key: previous_api_v3_key.map_or(Some(None), |key| key.map(Some))?,
            public_key: public_key?,
            trusted_certificates,
        })
    }

    fn missing<T>(&mut self, field: &'static str, remedy: &'static str) -> Option<T> {
        self.faults.push(Invalid::new(field, "is required").remedy(remedy));
        None
    }

    fn accept<T>(&mut self, field: impl Into<String>, result: Result<T, impl fmt::Display>) -> Option<T> {
        result
            .map_err(|cause| self.faults.push(Invalid::new(field.into(), format!("is invalid: {cause}"))))
            .ok()
    }

    fn private_key(&mut self) -> Option<Arc<dyn PrivateKey>> {
        let Some(file) = &self.keys.private_key else {
            return self.missing("private_key", "set it to apiclient_key.pem of the merchant platform");
        };
        let der = self.accept("private_key", pem::private_key(file.expose().as_bytes()))?;
        self.accept("private_key", self.provider.private_key(&der))
    }

    /// Returns the merchant's certificate, and its key if that can be used.
    fn certificate(&mut self) -> Option<(Certificate, Option<Arc<dyn PublicKey>>)> {
        let file = self.settings.certificate.as_ref()?;
        let certificate = self.accept("certificate", Certificate::parse_pem(file.as_bytes()))?;
        let key = self.accept("certificate", self.provider.public_key(certificate.spki()));
        Some((certificate, key))
    }

    fn serial_no(&mut self, certificate: Option<&Certificate>) -> Option<SerialNo> {
        let set = match self.settings.serial_no.as_deref().map(str::parse::<SerialNo>) {
            Some(Ok(serial_no)) => Some(serial_no),
            Some(Err(error)) => {
                self.faults.push(error.into());
                return None;
            }
            None => None,
        };
        let Some(certificate) = certificate else {
            if set.is_none() && self.settings.certificate.is_none() {
                return self
                    .missing("serial_no", "set it, or certificate to apiclient_cert.pem, which contains it");
            }
            return set;
        };
        let certified: SerialNo = self.accept("certificate", certificate.serial().parse::<SerialNo>())?;
        match set {
            Some(set) if set != certified => {
                let rule = format!("must be the serial number of certificate, {certified}");
                self.faults
                    .push(Invalid::new("serial_no", rule).remedy("remove it: the certificate contains it"));
                None
            }
            Some(_) | None => Some(certified),
        }
    }

    /// Checks that the private key belongs to the certificate, by a signature.
    fn check_pair(&mut self, key: &dyn PrivateKey, certified: &dyn PublicKey) {
        const MESSAGE: &[u8] = b"wxpay-server: does the private key belong to the certificate?";
        // A key in a KMS may be away now: the check says nothing about it then.
        let Ok(signature) = key.sign(MESSAGE) else { return };
        if certified.verify(MESSAGE, &signature).is_err() {
            let rule = "must be the private key of certificate";
            let remedy = "use apiclient_key.pem and apiclient_cert.pem of one application for a certificate";
            self.faults.push(Invalid::new("private_key", rule).remedy(remedy));
        }
    }

    fn api_v3_key(&mut self, field: &'static str, text: &Secret<String>) -> Option<ApiV3Key> {
        let key = ApiV3Key::new(text.expose().clone());
        key.map_err(|error| self.faults.push(Invalid::new(field, error.rule()))).ok()
    }

    /// Returns the WeChat Pay public key, which is optional.
    #[allow(clippy::option_option, reason = "the outer one is a fault, the inner one an optional key")]
    fn public_key(&mut self) -> Option<Option<(PublicKeyId, Arc<dyn PublicKey>)>> {
        match (&self.settings.public_key_id, &self.settings.public_key) {
            (None, None) => Some(None),
            (Some(_), None) => self.missing(
                "public_key",
                "set it to pub_key.pem of the merchant platform, or remove public_key_id",
            ),
            (None, Some(_)) => self.missing(
                "public_key_id",
                "copy it from the merchant platform, with its prefix PUB_KEY_ID_, or remove public_key",
            ),
            (Some(id), Some(file)) => {
                let id = id.parse().map_err(|error| {
                    let error: wxpay_proto::id::InvalidField = error;
                    self.faults.push(error.into());
                });
                let spki = self.accept("public_key", pem::public_key(file.as_bytes()));
                let key = spki.and_then(|spki| self.accept("public_key", self.provider.public_key(&spki)));
                Some(Some((id.ok()?, key?)))
            }
        }
    }

    fn trusted_certificates(&mut self) -> Vec<Certificate> {
        let mut certificates = Vec::new();
        for (index, file) in self.settings.trusted_certificates.iter().enumerate() {
            let field = format!("trusted_certificates[{index}]");
            let Some(certificate) = self.accept(field.as_str(), Certificate::parse_pem(file.as_bytes()))
            else {
                continue;
            };
            if self.accept(field, self.provider.public_key(certificate.spki())).is_some() {
                certificates.push(certificate);
            }
        }
        certificates
    }
}
