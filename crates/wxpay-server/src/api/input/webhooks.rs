//! The input of operations on webhook endpoints.

use super::Input;
use crate::api::{
    cursor::List,
    operation::{CreateEndpoint, ListAttempts, ListEndpoints, ReplayEvents, ReplayedEvents, UpdateEndpoint},
    problem::Problem,
};

impl Input {
    pub(crate) fn create_endpoint(&mut self) -> Result<CreateEndpoint, Problem> {
        Ok(CreateEndpoint {
            url: self.body.required_text("url")?,
            merchant: self.body.text("merchant"),
            types: self.body.texts("types").unwrap_or_default(),
        })
    }

    pub(crate) fn list_endpoints(&mut self) -> Result<ListEndpoints, Problem> {
        Ok(ListEndpoints { merchant: self.query.text("merchant"), page: self.page(List::Endpoints)? })
    }

    pub(crate) fn update_endpoint(&mut self) -> Result<UpdateEndpoint, Problem> {
        Ok(UpdateEndpoint {
            endpoint: self.id("endpoint")?,
            url: self.body.text("url"),
            types: self.body.texts("types"),
            is_enabled: self.body.text("status").map(|status| status == "enabled"),
        })
    }

    pub(crate) fn list_attempts(&mut self) -> Result<ListAttempts, Problem> {
        Ok(ListAttempts { endpoint: self.id("endpoint")?, page: self.page(List::Attempts)? })
    }

    pub(crate) fn replay(&mut self) -> Result<ReplayEvents, Problem> {
        let endpoint = self.id("endpoint")?;
        let (from, until) = (self.body.time("from"), self.body.time("until"));
        let events = match (self.body.text("event_id"), from) {
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_field("from", "must not be combined with event_id"));
            }
            (Some(_), None) if until.is_some() => {
                return Err(Problem::invalid_field("until", "must not be combined with event_id"));
            }
            (Some(id), None) => ReplayedEvents::One(id),
            (None, Some(from)) if until.is_some_and(|until| until <= from) => {
                return Err(Problem::invalid_field("until", "must be later than from"));
            }
            (None, Some(from)) => ReplayedEvents::Between { from, until },
            (None, None) => return Err(Problem::invalid_field("event_id", "is required, or from")),
        };
        Ok(ReplayEvents { endpoint, events })
    }
}
