//! Events: the list and the stream.

use super::{Answer, Caller, page};
use crate::{
    api::{
        cursor::{Cursor, List},
        keys,
        operation::{ListEvents, StreamEvents},
        problem::Problem,
        service::Api,
    },
    ledger::rows::event::EventType,
    serve::{self, Body},
    webhooks::{
        body::event_json,
        events::{EventPosition, list_events},
        filter::{EventFilter, Merchants},
        subscribe::Subscription,
    },
};
use hyper::header::{self, HeaderValue};
use serde_json::Value;

/// The chunks of a stream that wait for a client.
const STREAM_CAPACITY: usize = 4;

impl Api {
    pub(super) async fn list_events(&self, caller: &Caller, list: ListEvents) -> Result<Answer, Problem> {
        let filter = self.event_filter(caller, list.merchant.as_deref(), &list.types)?;
        let after = list.page.cursor.as_ref().map(Cursor::position).transpose()?;
        let found = list_events(self.app().ledger(), &filter, after, list.page.limit).await?;
        let data: Vec<Value> =
            found.events.iter().filter_map(|event| serde_json::from_str(&event_json(event)).ok()).collect();
        // The cursor is returned at the end too: the client continues from it when new events come.
        let mut answer = page::page(List::Events, &data, Some(&found.next));
        if let Some(members) = answer.body.as_mut().and_then(Value::as_object_mut) {
            members.insert("has_more".into(), found.has_more.into());
        }
        Ok(answer)
    }

    /// Answers with a stream of events.
    pub(in crate::api) async fn stream(
        &self,
        caller: &Caller,
        stream: StreamEvents,
    ) -> Result<serve::Response, Problem> {
        let filter = self.event_filter(caller, stream.merchant.as_deref(), &stream.types)?;
        let after = stream.after.as_ref().map(Cursor::position).transpose()?;
        let app = self.app();
        let (numbered, shutdown) = (app.numbered_events(), app.shutdown().clone());
        let subscription =
            Subscription::begin(app.ledger().clone(), filter, after, numbered, shutdown, encode_cursor)
                .await?;
        let (sender, body) = Body::stream(STREAM_CAPACITY);
        // It ends with the client or with the shutdown.
        drop(tokio::spawn(subscription.send_to(sender)));
        let mut response = serve::Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    fn event_filter(
        &self,
        caller: &Caller,
        merchant: Option<&str>,
        types: &[String],
    ) -> Result<EventFilter, Problem> {
        let merchants = match (merchant, &caller.merchants) {
            (None, keys::Merchants::All) => Merchants::All,
            (None, keys::Merchants::Only(names)) => {
                Merchants::Only(names.iter().filter_map(|name| name.parse().ok()).collect())
            }
            (Some(_), _) => Merchants::Only([self.select(caller, merchant)?.name().clone()].into()),
        };
        let types: Vec<EventType> = types.iter().filter_map(|name| name.parse().ok()).collect();
        Ok(EventFilter::new(merchants, &types))
    }
}

fn encode_cursor(position: EventPosition) -> String {
    Cursor::encode(List::Events, &position)
}
