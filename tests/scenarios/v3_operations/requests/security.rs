//! Samples: platform certificates and the security echo.

use super::{NOTIFY_URL, sensitive};
use crate::v3_operations::sample::{Sample, merchant};
use wxpay_proto::v3::{Certificates, security::Echo};

pub(super) fn samples() -> Vec<Sample> {
    vec![
        Sample::flow("GET /v3/certificates", || merchant().refresh_platform_keys()),
        Sample::of("GET /v3/certificates", Certificates::new()),
        Sample::of(
            "POST /v3/security/echo",
            Echo::new("text")
                .unwrap()
                .encrypted_echo_message(sensitive("text"))
                .notify_url(NOTIFY_URL.parse().unwrap()),
        ),
    ]
}
