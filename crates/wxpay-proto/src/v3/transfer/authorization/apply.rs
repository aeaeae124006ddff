//! Application for an authorization.
//!
//! `POST /v3/fund-app/mch-transfer/user-confirm-authorization`.

use super::{Authorization, check_display_name};
use crate::{
    error::{Error, PendingOperation},
    id::{AppId, InvalidField, NotifyUrl, OpenId, OutAuthorizationNo},
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint},
        field,
        merchant::Merchant,
        seal::RequestWriter,
        transfer::bill::{check_perception, check_scene_id},
        verify::Verified,
    },
    world::World,
};
use core::{fmt, net::IpAddr};

/// Applies for an authorization of transfers without confirmation. Returns the
/// [value](Authorization::package_info) that the payee's client needs to confirm the authorization.
#[derive(Clone)]
pub struct ApplyAuthorization {
    out_authorization_no: OutAuthorizationNo,
    appid: AppId,
    openid: OpenId,
    transfer_scene_id: String,
    user_display_name: String,
    user_recv_perception: Option<String>,
    authorization_notify_url: NotifyUrl,
    client_ip: Option<IpAddr>,
    device_id: Option<String>,
    device_type: Option<DeviceType>,
}

/// The operating system of the payee's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum DeviceType {
    /// iOS.
    Ios,
    /// Android.
    Android,
    /// HarmonyOS.
    Harmony,
    /// A system not listed here.
    Other,
}

/// The builder of an application; see [`ApplyAuthorization::builder`].
#[derive(Debug)]
#[must_use]
pub struct Builder(ApplyAuthorization);

impl ApplyAuthorization {
    /// Returns a builder with the required fields: the merchant's number, the app and the payee's openid for it, the id
    /// of the transfer scene, the name of the payee's account at the merchant (1 to 32 characters), and the
    /// notification URL.
    ///
    /// A payee has at most one authorization in force. An authorization that is not confirmed within a day is closed.
    /// After that, a new application needs a new number.
    pub fn builder(
        out_authorization_no: OutAuthorizationNo,
        appid: AppId,
        openid: OpenId,
        transfer_scene_id: impl Into<String>,
        user_display_name: impl Into<String>,
        authorization_notify_url: NotifyUrl,
    ) -> Builder {
        Builder(Self {
            out_authorization_no,
            appid,
            openid,
            transfer_scene_id: transfer_scene_id.into(),
            user_display_name: user_display_name.into(),
            user_recv_perception: None,
            authorization_notify_url,
            client_ip: None,
            device_id: None,
            device_type: None,
        })
    }
}

impl Builder {
    /// Sets the reason for payment that the payee sees: 1 to 256 characters.
    pub fn user_recv_perception(mut self, user_recv_perception: impl Into<String>) -> Self {
        self.0.user_recv_perception = Some(user_recv_perception.into());
        self
    }

    /// Sets the IP address of the payee's device.
    pub fn client_ip(mut self, address: IpAddr) -> Self {
        self.0.client_ip = Some(address);
        self
    }

    /// Sets the id of the payee's device: 1 to 128 characters.
    pub fn device_id(mut self, device_id: impl Into<String>) -> Self {
        self.0.device_id = Some(device_id.into());
        self
    }

    /// Sets the operating system of the payee's device.
    pub fn device_type(mut self, device_type: DeviceType) -> Self {
        self.0.device_type = Some(device_type);
        self
    }

    /// Builds the application.
    ///
    /// # Errors
    ///
    /// When a field is invalid; the error names it.
    pub fn build(self) -> Result<ApplyAuthorization, InvalidField> {
        let Self(apply) = self;
        check_scene_id(&apply.transfer_scene_id)?;
        check_display_name(&apply.user_display_name)?;
        check_perception(apply.user_recv_perception.as_deref())?;
        let rule = InvalidField::new("device_id", "must be 1 to 128 characters, none beyond U+FFFF");
        field::text_opt(apply.device_id.as_deref(), 128, rule)?;
        Ok(apply)
    }
}

impl fmt::Debug for ApplyAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplyAuthorization")
            .field("out_authorization_no", &self.out_authorization_no)
            .field("openid", &self.openid)
            .finish_non_exhaustive()
    }
}

#[derive(serde::Serialize)]
struct Body<'a> {
    out_authorization_no: &'a OutAuthorizationNo,
    appid: &'a AppId,
    openid: &'a str,
    transfer_scene_id: &'a str,
    user_display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_recv_perception: Option<&'a str>,
    authorization_notify_url: &'a NotifyUrl,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<SceneInfo<'a>>,
}

#[derive(serde::Serialize)]
struct SceneInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_type: Option<DeviceType>,
}

impl ApplyAuthorization {
    fn scene_info(&self) -> Option<SceneInfo<'_>> {
        let is_set = self.client_ip.is_some() || self.device_id.is_some() || self.device_type.is_some();
        is_set.then(|| SceneInfo {
            client_ip: self.client_ip.map(|address| address.to_string()),
            device_id: self.device_id.as_deref(),
            device_type: self.device_type,
        })
    }
}

impl Endpoint for ApplyAuthorization {
    type Output = Authorization;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let body = Body {
            out_authorization_no: &self.out_authorization_no,
            appid: &self.appid,
            openid: self.openid.as_str(),
            transfer_scene_id: &self.transfer_scene_id,
            user_display_name: &self.user_display_name,
            user_recv_perception: self.user_recv_perception.as_deref(),
            authorization_notify_url: &self.authorization_notify_url,
            scene_info: self.scene_info(),
        };
        let path = "/v3/fund-app/mch-transfer/user-confirm-authorization";
        Ok(Draft::post("v3.transfer.authorization.apply", path, &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Authorization, Error> {
        Authorization::read_of(reply, &self.out_authorization_no)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(PendingOperation::Authorization { out_authorization_no: self.out_authorization_no.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::AuthorizationState, *};
    use crate::v3::fake::{drafted, read};

    const LINE: &str = "POST /v3/fund-app/mch-transfer/user-confirm-authorization";

    fn builder(scene: &str, name: &str) -> Builder {
        ApplyAuthorization::builder(
            "plfk2020042013".parse().unwrap(),
            "wxf636efh567hg4356".parse().unwrap(),
            "o-MYE42l80oelYMDE34nYD456Xoy".parse().unwrap(),
            scene,
            name,
            "https://example.com/allowed".parse().unwrap(),
        )
    }

    #[test]
    fn a_full_authorization_request_has_the_device() {
        let apply = builder("1000", "wx_123456")
            .user_recv_perception("现金奖励")
            .client_ip("14.23.150.211".parse().unwrap())
            .device_id("013467007045764")
            .device_type(DeviceType::Harmony)
            .build()
            .unwrap();
        let expected = r#"{"out_authorization_no":"plfk2020042013","appid":"wxf636efh567hg4356","openid":"o-MYE42l80oelYMDE34nYD456Xoy","transfer_scene_id":"1000","user_display_name":"wx_123456","user_recv_perception":"现金奖励","authorization_notify_url":"https://example.com/allowed","scene_info":{"client_ip":"14.23.150.211","device_id":"013467007045764","device_type":"HARMONY"}}"#;
        assert_eq!(drafted(&apply), (LINE.into(), expected.into()));
        assert!(!format!("{apply:?}").contains("wx_123456"));
    }

    #[test]
    fn a_minimal_authorization_request_has_the_required_fields_only() {
        let apply = builder("1000", "wx_123456").build().unwrap();
        let expected = r#"{"out_authorization_no":"plfk2020042013","appid":"wxf636efh567hg4356","openid":"o-MYE42l80oelYMDE34nYD456Xoy","transfer_scene_id":"1000","user_display_name":"wx_123456","authorization_notify_url":"https://example.com/allowed"}"#;
        assert_eq!(drafted(&apply), (LINE.into(), expected.into()));
    }

    #[test]
    fn an_authorization_reply_has_the_package_info() {
        let apply = builder("1000", "wx_123456").build().unwrap();
        let body = r#"{"out_authorization_no":"plfk2020042013","state":"WAIT_USER_CONFIRM","create_time":"2015-05-20T13:29:35+08:00","package_info":"affffddafdfafddffda=="}"#;
        let authorization = read(&apply, body).unwrap();
        assert_eq!(authorization.state, AuthorizationState::WaitUserConfirm);
        assert_eq!(authorization.package_info.as_deref(), Some("affffddafdfafddffda=="));
        assert!(
            read(&apply, &body.replace("2013", "2014")).is_err(),
            "the reply is for another authorization"
        );
    }

    #[test]
    fn an_invalid_field_is_named() {
        for (apply, field) in [
            (builder("", "wx_123456"), "transfer_scene_id"),
            (builder("1000", ""), "user_display_name"),
            (builder("1000", &"名".repeat(33)), "user_display_name"),
            (builder("1000", "名").user_recv_perception(""), "user_recv_perception"),
            (builder("1000", "名").device_id("x".repeat(129)), "device_id"),
        ] {
            assert_eq!(apply.build().unwrap_err().field(), field);
        }
    }
}
