//! The place in which an order is paid (`scene_info`): the payer's device, the merchant's device, and the store.

use crate::v3::prelude::*;
use core::net::IpAddr;

body! {
    /// The object `scene_info`. Only one of the two descriptions of the store is set.
    #[derive(Clone, Default)]
    pub(super) struct SceneInfo {
        pub(super) optional payer_client_ip: IpAddr,
        /// Sets the id of the merchant's device.
        text device_id: Chars<32>,
        pub(super) optional device_ip: IpAddr,
        pub(super) optional store: Store as "store_info",
        pub(super) optional store_id: StoreId as "store_info",
        pub(super) optional h5_info: H5Info,
    }
    Debug {}
}

body! {
    /// The environment of the browser (`h5_info`).
    #[derive(Clone)]
    pub struct H5Info {
        required kind: &'static str as "type",
        /// Sets the name of the application: 1 to 64 characters.
        text app_name: Chars<64>,
        /// Sets the URL of the site: 1 to 128 characters.
        text app_url: Chars<128>,
        /// Sets the bundle id of an iOS application: 1 to 128 characters.
        text bundle_id: Chars<128>,
        /// Sets the package name of an Android application: 1 to 128 characters.
        text package_name: Chars<128>,
    }
    Debug { kind }
}

impl H5Info {
    /// Creates the description of a site in a browser.
    pub fn wap() -> Self {
        Self::required("Wap")
    }

    /// Creates the description of a browser inside an iOS application.
    pub fn ios() -> Self {
        Self::required("iOS")
    }

    /// Creates the description of a browser inside an Android application.
    pub fn android() -> Self {
        Self::required("Android")
    }
}

body! {
    /// A store of the merchant (`store_info`).
    #[derive(Clone)]
    pub struct Store {
        required id: Chars<32>,
        /// Sets the name: 1 to 256 characters.
        text name: Chars<256>,
        /// Sets the code of the area: 1 to 32 characters.
        text area_code: Chars<32>,
        /// Sets the street address: 1 to 512 characters.
        text address: Chars<512>,
    }
    Debug {}
}

impl Store {
    /// Creates a store from the merchant's number of it: 1 to 32 characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the number violates this rule.
    pub fn new(id: impl AsRef<str>) -> Result<Self, InvalidField> {
        Ok(Self::required(Chars::new("store_info.id", id)?))
    }

    /// Returns whether only the number is set.
    pub(super) fn is_number_only(&self) -> bool {
        self.name.is_none() && self.area_code.is_none() && self.address.is_none()
    }
}

body! {
    /// The number of a store: WeChat Pay's, or the merchant's own.
    #[derive(Clone)]
    pub struct StoreId {
        optional id: Chars<32>,
        optional out_id: Chars<256>,
    }
    Debug {}
}

impl StoreId {
    /// Creates the number that WeChat Pay gave the store: 1 to 32 characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the number violates this rule.
    pub fn id(id: impl AsRef<str>) -> Result<Self, InvalidField> {
        Ok(Self { id: Some(Chars::new("store_info.id", id)?), ..Self::required() })
    }

    /// Creates the merchant's own number of the store: 1 to 256 characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the number violates this rule.
    pub fn out_id(out_id: impl AsRef<str>) -> Result<Self, InvalidField> {
        Ok(Self { out_id: Some(Chars::new("store_info.out_id", out_id)?), ..Self::required() })
    }
}
