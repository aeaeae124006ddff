//! Carrying operations out: each variant of [`Operation`] to its action, and the result to JSON.

mod access;
mod cases;
mod events;
mod merchants;
mod orders;
mod page;
mod refunds;
mod webhooks;

use super::{
    keys::{Merchants, Scopes},
    operation::Operation,
    problem::Problem,
    service::Api,
};
use crate::merchants::{Merchant, MerchantName};
use serde_json::Value;
use std::sync::Arc;

/// The one that asks for an operation.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The id of the API key, or `cli`.
    pub(crate) actor: String,
    /// The operations that it is allowed, and may allow to others.
    pub(crate) scopes: Scopes,
    /// The merchants that it may see.
    pub(crate) merchants: Merchants,
}

/// The result of an operation.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status, if it is not the route's.
    pub(crate) status: Option<u16>,
    /// The body.
    pub(crate) body: Option<Value>,
    /// Whether the body holds a secret that is shown once, and never stored.
    pub(crate) has_secret: bool,
}

impl Answer {
    /// Returns the text that repeats the answer. `None` if it must not be stored.
    pub(crate) fn stored(&self) -> Option<String> {
        let text = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        (!self.has_secret).then_some(text)
    }

    fn ok(body: Value) -> Self {
        Self { status: None, body: Some(body), has_secret: false }
    }

    fn empty() -> Self {
        Self { status: None, body: None, has_secret: false }
    }

    fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    fn with_secret(self) -> Self {
        Self { has_secret: true, ..self }
    }
}

impl Caller {
    /// Returns whether the caller may see a merchant's things.
    fn allows(&self, merchant: &MerchantName) -> bool {
        self.merchants.allows(merchant.as_str())
    }
}

impl Operation {
    /// Returns whether the operation only reads the ledger.
    pub(crate) fn is_read(&self) -> bool {
        match self {
            Self::ListOrders(_)
            | Self::GetOrder(_)
            | Self::ListRefunds(_)
            | Self::GetRefund(_)
            | Self::ListEvents(_)
            | Self::StreamEvents(_)
            | Self::ListEndpoints(_)
            | Self::GetEndpoint(_)
            | Self::ListAttempts(_)
            | Self::ListCases(_)
            | Self::GetCase(_)
            | Self::ListMerchants(_)
            | Self::GetMerchant(_)
            | Self::ListApiKeys(_)
            | Self::GetApiKey(_)
            | Self::ListAudit(_)
            | Self::GetDocument
            | Self::GetDocs
            | Self::GetLiveness
            | Self::GetReadiness
            | Self::GetMetrics => true,
            Self::CreateOrder(_)
            | Self::QueryOrder(_)
            | Self::CloseOrder(_)
            | Self::ReverseOrder(_)
            | Self::PayOrder(_)
            | Self::ReportDelivery(_)
            | Self::CreateRefund(_)
            | Self::QueryRefund(_)
            | Self::CreateEndpoint(_)
            | Self::UpdateEndpoint(_)
            | Self::DeleteEndpoint(_)
            | Self::RotateEndpointSecret(_)
            | Self::TestEndpoint(_)
            | Self::ReplayEvents(_)
            | Self::ResolveCase(_)
            | Self::CreateMerchant(_)
            | Self::ReplaceMerchant(_)
            | Self::UpdateMerchant(_)
            | Self::DeleteMerchant(_)
            | Self::SetMerchantKeys(_)
            | Self::CreateApiKey(_)
            | Self::RevokeApiKey(_)
            | Self::Notification(_) => false,
        }
    }
}

impl Api {
    /// Carries an operation out.
    ///
    /// # Errors
    ///
    /// The problem that the response is.
    pub(crate) async fn execute(&self, caller: &Caller, operation: Operation) -> Result<Answer, Problem> {
        match operation {
            Operation::CreateOrder(order) => self.create_order(caller, order).await,
            Operation::ListOrders(list) => self.list_orders(caller, list).await,
            Operation::GetOrder(order) => self.get_order(caller, order).await,
            Operation::QueryOrder(order) => self.query_order(caller, order).await,
            Operation::CloseOrder(order) => self.close_order(caller, order).await,
            Operation::ReverseOrder(order) => self.reverse_order(caller, order).await,
            Operation::PayOrder(order) => self.pay_order(caller, order).await,
            Operation::ReportDelivery(report) => self.report_delivery(caller, report).await,
            Operation::CreateRefund(refund) => self.create_refund(caller, refund).await,
            Operation::ListRefunds(list) => self.list_refunds(caller, list).await,
            Operation::GetRefund(refund) => self.get_refund(caller, refund).await,
            Operation::QueryRefund(refund) => self.query_refund(caller, refund).await,
            Operation::ListEvents(list) => self.list_events(caller, list).await,
            Operation::CreateEndpoint(endpoint) => self.create_endpoint(caller, endpoint).await,
            Operation::ListEndpoints(list) => self.list_endpoints(caller, list).await,
            Operation::GetEndpoint(id) => self.get_endpoint(caller, &id).await,
            Operation::UpdateEndpoint(update) => self.update_endpoint(caller, update).await,
            Operation::DeleteEndpoint(id) => self.delete_endpoint(caller, &id).await,
            Operation::RotateEndpointSecret(id) => self.rotate_endpoint_secret(caller, &id).await,
            Operation::TestEndpoint(id) => self.test_endpoint(caller, &id).await,
            Operation::ListAttempts(list) => self.list_attempts(caller, list).await,
            Operation::ReplayEvents(replay) => self.replay_events(caller, replay).await,
            Operation::ListCases(list) => self.list_cases(caller, list).await,
            Operation::GetCase(id) => self.get_case(caller, &id).await,
            Operation::ResolveCase(resolve) => self.resolve_case(caller, resolve).await,
            Operation::CreateMerchant(merchant) => self.create_merchant(caller, merchant).await,
            Operation::ListMerchants(page) => self.list_merchants(caller, &page),
            Operation::GetMerchant(name) => self.get_merchant(caller, &name),
            Operation::ReplaceMerchant(update) => self.replace_merchant(caller, update).await,
            Operation::UpdateMerchant(update) => self.update_merchant(caller, update).await,
            Operation::DeleteMerchant(name) => self.delete_merchant(caller, &name).await,
            Operation::SetMerchantKeys(keys) => self.set_merchant_keys(caller, keys).await,
            Operation::CreateApiKey(key) => self.create_api_key(caller, key).await,
            Operation::ListApiKeys(page) => self.list_api_keys(caller, page).await,
            Operation::GetApiKey(id) => self.get_api_key(caller, &id).await,
            Operation::RevokeApiKey(id) => self.revoke_api_key(caller, &id).await,
            Operation::ListAudit(list) => self.list_audit(caller, list).await,
            // The service answers these itself.
            Operation::StreamEvents(_)
            | Operation::GetDocument
            | Operation::GetDocs
            | Operation::Notification(_)
            | Operation::GetLiveness
            | Operation::GetReadiness
            | Operation::GetMetrics => Err(Problem::unknown_path()),
        }
    }

    /// Returns the merchant of a request: the named one, or the only one of the caller.
    fn select(&self, caller: &Caller, named: Option<&str>) -> Result<Arc<Merchant>, Problem> {
        let all = self.app().merchants().all();
        let name =
            caller.merchants.select(named, all.iter().map(|merchant| merchant.name().as_str()))?.to_owned();
        let found = all.into_iter().find(|merchant| merchant.name().as_str() == name);
        found.ok_or_else(|| Problem::not_found("merchant"))
    }

    /// Returns the name of the merchant of a list. `None` for the merchants of all; only a caller for all may see them.
    fn select_filter(&self, caller: &Caller, named: Option<&str>) -> Result<Option<MerchantName>, Problem> {
        match (named, &caller.merchants) {
            (None, Merchants::All) => Ok(None),
            (Some(_), _) | (None, Merchants::Only(_)) => Ok(Some(self.select(caller, named)?.name().clone())),
        }
    }
}
