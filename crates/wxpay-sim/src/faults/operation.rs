//! The operations and API versions that a fault rule can name.

use crate::v3::route;
use serde::{Serialize, Serializer};

/// A call by the merchant, a payment by the payer, or a delivery of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// `GET /cgi-bin/token`
    Token,
    /// `POST /pay/genprepay`
    Genprepay,
    /// `POST /pay/orderquery`
    Orderquery,
    /// `POST /pay/delivernotify`
    Delivernotify,
    /// An APIv3 operation, by its label, such as `v3.pay.jsapi`. [`Operation::from_name`] creates it.
    V3(&'static str),
    /// A delivery of a notification, of either API version.
    Notification,
    /// A payment by the payer, of either API version.
    Pay,
}

/// A version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ApiVersion {
    /// APIv1: the 2013–2014 app payment with `genprepay`.
    V1,
    /// APIv3: JSON over HTTPS, with RSA signatures.
    V3,
}

impl ApiVersion {
    /// Parses the name in the control interface: `v1` or `v3`. Returns `None` for any other.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "v1" => Some(Self::V1),
            "v3" => Some(Self::V3),
            _ => None,
        }
    }
}

impl Operation {
    /// All operations except the APIv3 calls, which come from the routing table.
    const BUILT_IN: [Self; 6] =
        [Self::Token, Self::Genprepay, Self::Orderquery, Self::Delivernotify, Self::Notification, Self::Pay];

    /// Returns the name in the control interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "v1.token",
            Self::Genprepay => "v1.genprepay",
            Self::Orderquery => "v1.orderquery",
            Self::Delivernotify => "v1.delivernotify",
            Self::V3(label) => label,
            Self::Notification => "notification",
            Self::Pay => "pay",
        }
    }

    /// Parses the name in the control interface: an APIv1 call, `notification`, `pay`, or the label of an APIv3
    /// operation. Returns `None` for any other.
    pub fn from_name(name: &str) -> Option<Self> {
        let built_in = Self::BUILT_IN.into_iter().find(|operation| operation.as_str() == name);
        built_in.or_else(|| route::labels().find(|label| *label == name).map(Self::V3))
    }

    /// Returns all operations.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::BUILT_IN.into_iter().chain(route::labels().map(Self::V3))
    }

    pub(super) const fn is_of_v1(self) -> bool {
        matches!(self, Self::Token | Self::Genprepay | Self::Orderquery | Self::Delivernotify)
    }

    pub(super) const fn is_api_call(self) -> bool {
        self.is_of_v1() || matches!(self, Self::V3(_))
    }

    /// Returns whether the operation places an order that the payer's client pays afterwards.
    pub(super) fn places_order(self) -> bool {
        match self {
            Self::Genprepay => true,
            Self::V3(label) => ["jsapi", "app", "h5", "native"].contains(&last_segment(label)),
            Self::Token | Self::Orderquery | Self::Delivernotify | Self::Notification | Self::Pay => false,
        }
    }

    pub(super) fn closes_order(self) -> bool {
        matches!(self, Self::V3(label) if last_segment(label) == "close")
    }
}

fn last_segment(label: &str) -> &str {
    label.rsplit('.').next().unwrap_or(label)
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_name() {
        for operation in Operation::all() {
            assert_eq!(Operation::from_name(operation.as_str()), Some(operation));
        }
        assert_eq!(Operation::from_name("refund"), None);
        assert_eq!(Operation::from_name("v3.refund.create").map(Operation::is_api_call), Some(true));
    }

    #[test]
    fn the_operations_that_place_and_close_orders_are_known() {
        let names = |is_selected: fn(Operation) -> bool| -> Vec<&str> {
            Operation::all().filter(|operation| is_selected(*operation)).map(Operation::as_str).collect()
        };
        let place_orders = names(Operation::places_order);
        for name in ["v1.genprepay", "v3.pay.jsapi", "v3.pay.app", "v3.pay.h5", "v3.pay.native"] {
            assert!(place_orders.contains(&name), "{name}");
        }
        assert!(!place_orders.contains(&"v3.pay.codepay") && !place_orders.contains(&"pay"));
        assert!(names(Operation::closes_order).contains(&"v3.pay.close"));
    }
}
