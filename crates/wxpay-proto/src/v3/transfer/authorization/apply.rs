//! Application for an authorization.
//!
//! `POST /v3/fund-app/mch-transfer/user-confirm-authorization`.

use super::{Authorization, QueryAuthorization};
use crate::{
    id::{AppId, NotifyUrl, OpenId, OutAuthorizationNo},
    v3::{field::SceneId, prelude::*},
};
use core::net::IpAddr;

body! {
    /// Applies for an authorization of transfers without confirmation. Returns the
    /// [value](Authorization::package_info) that the payee's client needs to confirm the authorization.
    #[derive(Clone)]
    pub struct ApplyAuthorization {
        required out_authorization_no: OutAuthorizationNo,
        /// Sets the app that the payee's openid belongs to. The default is the [merchant's](crate::v3::Builder::appid).
        optional appid: AppId = appid_or_default,
        required openid: OpenId,
        required transfer_scene_id: SceneId,
        required user_display_name: Chars<32>,
        /// Sets the reason for payment that the payee sees: 1 to 256 characters.
        text user_recv_perception: Chars<256>,
        /// Sets the notification URL. The default is the [merchant's](crate::v3::Builder::notify_url).
        optional authorization_notify_url: NotifyUrl = notify_url_or_default,
        /// Sets the payee's device.
        optional scene_info: SceneInfo,
    }
    Debug { out_authorization_no, openid }
}

body! {
    /// The payee's device.
    #[derive(Clone, Default)]
    pub struct SceneInfo {
        /// Sets the IP address.
        optional client_ip: IpAddr,
        /// Sets the id of the device: 1 to 128 characters.
        text device_id: Chars<128>,
        /// Sets the operating system.
        optional device_type: DeviceType,
    }
    Debug { device_type }
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

impl ApplyAuthorization {
    /// Creates an application: the merchant's number, the payee's openid for the app, the id of the transfer scene, and
    /// the name of the payee's account at the merchant (1 to 32 characters).
    ///
    /// A payee has at most one authorization in force. An authorization that is not confirmed within a day is closed.
    /// After that, a new application needs a new number.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the id of the scene or the name is invalid.
    pub fn new(
        out_authorization_no: OutAuthorizationNo,
        openid: OpenId,
        transfer_scene_id: impl AsRef<str>,
        user_display_name: impl AsRef<str>,
    ) -> Result<Self, InvalidField> {
        let transfer_scene_id = SceneId::new("transfer_scene_id", transfer_scene_id)?;
        let user_display_name = Chars::new("user_display_name", user_display_name)?;
        Ok(Self::required(out_authorization_no, openid, transfer_scene_id, user_display_name))
    }
}

impl SceneInfo {
    /// Creates a device of which nothing is known yet.
    pub fn new() -> Self {
        Self::required()
    }
}

impl Endpoint for ApplyAuthorization {
    type Output = Authorization;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let path = "/v3/fund-app/mch-transfer/user-confirm-authorization";
        writer.post("v3.transfer.authorization.apply", path, self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Authorization, Error> {
        Authorization::read_of(reply, &self.out_authorization_no)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        QueryAuthorization::new(self.out_authorization_no.clone()).pending()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::AuthorizationState, *};
    use crate::v3::fake::{drafted, read};

    const LINE: &str = "POST /v3/fund-app/mch-transfer/user-confirm-authorization";

    fn apply_for(scene: &str, name: &str) -> Result<ApplyAuthorization, InvalidField> {
        let openid = "o-MYE42l80oelYMDE34nYD456Xoy".parse()?;
        Ok(ApplyAuthorization::new("plfk2020042013".parse()?, openid, scene, name)?
            .appid("wxf636efh567hg4356".parse()?)
            .authorization_notify_url("https://example.com/allowed".parse()?))
    }

    fn minimal() -> ApplyAuthorization {
        apply_for("1000", "wx_123456").unwrap()
    }

    #[test]
    fn a_full_authorization_request_has_the_device() {
        let device = SceneInfo::new()
            .client_ip("14.23.150.211".parse().unwrap())
            .device_id("013467007045764")
            .unwrap()
            .device_type(DeviceType::Harmony);
        let apply = minimal().user_recv_perception("现金奖励").unwrap().scene_info(device);
        let expected = r#"{"out_authorization_no":"plfk2020042013","appid":"wxf636efh567hg4356","openid":"o-MYE42l80oelYMDE34nYD456Xoy","transfer_scene_id":"1000","user_display_name":"wx_123456","user_recv_perception":"现金奖励","authorization_notify_url":"https://example.com/allowed","scene_info":{"client_ip":"14.23.150.211","device_id":"013467007045764","device_type":"HARMONY"}}"#;
        assert_eq!(drafted(&apply), (LINE.into(), expected.into()));
        assert!(!format!("{apply:?}").contains("wx_123456"));
    }

    #[test]
    fn a_minimal_authorization_request_has_the_required_fields_only() {
        let apply = minimal();
        let expected = r#"{"out_authorization_no":"plfk2020042013","appid":"wxf636efh567hg4356","openid":"o-MYE42l80oelYMDE34nYD456Xoy","transfer_scene_id":"1000","user_display_name":"wx_123456","authorization_notify_url":"https://example.com/allowed"}"#;
        assert_eq!(drafted(&apply), (LINE.into(), expected.into()));
    }

    #[test]
    fn an_authorization_reply_has_the_package_info() {
        let apply = minimal();
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
        for (result, field) in [
            (apply_for("", "wx_123456").map(drop), "transfer_scene_id"),
            (apply_for("1000", "").map(drop), "user_display_name"),
            (apply_for("1000", &"名".repeat(33)).map(drop), "user_display_name"),
            (minimal().user_recv_perception("").map(drop), "user_recv_perception"),
            (SceneInfo::new().device_id("x".repeat(129)).map(drop), "device_id"),
        ] {
            assert_eq!(result.unwrap_err().field(), field);
        }
    }
}
