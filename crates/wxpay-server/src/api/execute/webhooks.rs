//! Webhook endpoints.

use super::{Answer, Caller, page};
use crate::{
    api::{
        cursor::List,
        keys,
        operation::{self, CreateEndpoint, ListAttempts, ListEndpoints, ReplayEvents, UpdateEndpoint},
        problem::Problem,
        service::Api,
    },
    ledger::rows::event::EventType,
    webhooks::{
        endpoints::{self, EndpointChanges, EndpointError, NewEndpoint, RecordsPage, Replayed},
        filter::Merchants,
    },
};
use serde::Serialize;

impl Api {
    pub(super) async fn create_endpoint(
        &self,
        caller: &Caller,
        endpoint: CreateEndpoint,
    ) -> Result<Answer, Problem> {
        let merchant = self.select_filter(caller, endpoint.merchant.as_deref())?;
        let new = NewEndpoint { url: endpoint.url, merchant, types: types(&endpoint.types) };
        Ok(Answer::ok(self.endpoints().create(&caller.of_webhooks(), new).await?).with_secret())
    }

    pub(super) async fn list_endpoints(
        &self,
        caller: &Caller,
        list: ListEndpoints,
    ) -> Result<Answer, Problem> {
        let merchant = list.merchant.as_deref().map(|name| self.select(caller, Some(name))).transpose()?;
        let merchant = merchant.as_ref().map(|merchant| merchant.name());
        let after: Option<String> =
            list.page.cursor.as_ref().map(super::super::cursor::Cursor::position).transpose()?;
        let caller = caller.of_webhooks();
        let page = self.endpoints().list(&caller, merchant, after, list.page.limit).await?;
        Ok(records(List::Endpoints, &page))
    }

    pub(super) async fn get_endpoint(&self, caller: &Caller, endpoint: &str) -> Result<Answer, Problem> {
        Ok(Answer::ok(self.endpoints().get(&caller.of_webhooks(), endpoint).await?))
    }

    pub(super) async fn update_endpoint(
        &self,
        caller: &Caller,
        update: UpdateEndpoint,
    ) -> Result<Answer, Problem> {
        let changes = EndpointChanges {
            url: update.url,
            types: update.types.as_deref().map(types),
            is_enabled: update.is_enabled,
        };
        let updated = self.endpoints().update(&caller.of_webhooks(), &update.endpoint, changes).await?;
        Ok(Answer::ok(updated))
    }

    pub(super) async fn delete_endpoint(&self, caller: &Caller, endpoint: &str) -> Result<Answer, Problem> {
        self.endpoints().delete(&caller.of_webhooks(), endpoint).await?;
        Ok(Answer::empty())
    }

    pub(super) async fn rotate_endpoint_secret(
        &self,
        caller: &Caller,
        endpoint: &str,
    ) -> Result<Answer, Problem> {
        Ok(Answer::ok(self.endpoints().rotate(&caller.of_webhooks(), endpoint).await?).with_secret())
    }

    pub(super) async fn test_endpoint(&self, caller: &Caller, endpoint: &str) -> Result<Answer, Problem> {
        Ok(Answer::ok(self.endpoints().test(&caller.of_webhooks(), endpoint).await?))
    }

    pub(super) async fn list_attempts(&self, caller: &Caller, list: ListAttempts) -> Result<Answer, Problem> {
        let after = list.page.cursor.as_ref().map(super::super::cursor::Cursor::position).transpose()?;
        let caller = caller.of_webhooks();
        let page = self.endpoints().attempts(&caller, &list.endpoint, after, list.page.limit).await?;
        Ok(records(List::Attempts, &page))
    }

    pub(super) async fn replay_events(
        &self,
        caller: &Caller,
        replay: ReplayEvents,
    ) -> Result<Answer, Problem> {
        let replayed = match replay.events {
            operation::ReplayedEvents::One(id) => Replayed::One(id),
            operation::ReplayedEvents::Between { from, until } => Replayed::Between { from, until },
        };
        Ok(Answer::ok(self.endpoints().replay(&caller.of_webhooks(), &replay.endpoint, replayed).await?))
    }
}

impl Caller {
    fn of_webhooks(&self) -> endpoints::Caller {
        let merchants = match &self.merchants {
            keys::Merchants::All => Merchants::All,
            keys::Merchants::Only(names) => {
                Merchants::Only(names.iter().filter_map(|name| name.parse().ok()).collect())
            }
        };
        endpoints::Caller { actor: self.actor.clone(), merchants }
    }
}

/// Returns the types of events. Their names were checked before.
fn types(names: &[String]) -> Vec<EventType> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

fn records<P: Serialize>(list: List, records: &RecordsPage<P>) -> Answer {
    page::page(list, &records.data, records.next.as_ref())
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::NoEndpoint => Self::not_found("webhook endpoint"),
            EndpointError::NoEvent => Self::not_found("event"),
            EndpointError::OtherMerchant => Self::other_merchant(),
            EndpointError::Invalid { field, rule } => Self::invalid_field(field, rule),
            EndpointError::TooMany => Self::conflict(
                "too_many_endpoints",
                "There are too many endpoints",
                "delete one that is not used",
            ),
            EndpointError::Contended => {
                Self::conflict("endpoint_changed", "The endpoint was changed", "read it, and try again")
            }
            EndpointError::Sealing(error) => {
                Self::conflict("not_sealed", "The secrets cannot be sealed or opened", error.to_string())
            }
            EndpointError::Ledger(error) => error.into(),
        }
    }
}
