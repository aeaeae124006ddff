//! A connection, and the requests that are sent on it.
//!
//! Only unnamed statements with the types of their parameters are sent, and nothing is set for longer than a transaction:
//! so a pooler in front of the database, such as `PgBouncer`, may give each transaction another connection.

use super::{
    failure::Failure,
    values::{Bound, cells, type_of, type_of_column},
};
use crate::ledger::{TableInfo, Value};
use futures_util::future::{MaybeDone, maybe_done};
use std::{
    future::poll_fn,
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{
    Client, SimpleQueryMessage,
    types::{ToSql, Type},
};

/// The deadline of the replies to one batch of requests.
pub(super) const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a host that accepts writes.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    driver: JoinHandle<()>,
    last_used: Instant,
}

/// A request.
#[derive(Clone)]
pub(super) enum Request<'a> {
    /// Statements without parameters and results.
    Batch(&'a str),
    /// A statement that returns rows of a table.
    Select { text: &'a str, cells: Vec<(&'a Value, Type)>, table: &'static TableInfo },
    /// A statement that changes rows.
    Execute { text: &'a str, cells: Vec<(&'a Value, Type)> },
}

/// The reply to a request.
#[derive(Debug)]
pub(super) enum Reply {
    Done,
    Rows(Vec<Vec<Value>>),
    /// The number of rows that were changed.
    Changed(u64),
}

impl<'a> Request<'a> {
    /// Creates the request for rows, with the leading cells of the table's columns.
    pub(super) fn select(text: &'a str, table: &'static TableInfo, cells: &'a [Value]) -> Self {
        Self::Select { text, cells: of_columns(table, cells), table }
    }

    /// Creates the request for rows, with cells that are not null.
    pub(super) fn scan(text: &'a str, table: &'static TableInfo, cells: Vec<&'a Value>) -> Self {
        let cells = cells.into_iter().map(|cell| (cell, type_of(cell))).collect();
        Self::Select { text, cells, table }
    }

    /// Creates the request for a change, with the leading cells of the table's columns, and more that are not null.
    pub(super) fn execute(
        text: &'a str,
        table: &'static TableInfo,
        cells: &'a [Value],
        more: Option<&'a Value>,
    ) -> Self {
        let mut cells = of_columns(table, cells);
        cells.extend(more.map(|cell| (cell, type_of(cell))));
        Self::Execute { text, cells }
    }
}

fn of_columns<'a>(table: &'static TableInfo, cells: &'a [Value]) -> Vec<(&'a Value, Type)> {
    cells.iter().zip(table.columns).map(|(cell, column)| (cell, type_of_column(column))).collect()
}

impl Reply {
    /// Returns the rows of a reply to [`Request::Select`].
    pub(super) fn into_rows(self) -> Vec<Vec<Value>> {
        match self {
            Self::Rows(rows) => rows,
            Self::Done | Self::Changed(_) => Vec::new(),
        }
    }
}

impl Session {
    pub(super) fn new(client: Client, driver: JoinHandle<()>) -> Self {
        Self { client, driver, last_used: Instant::now() }
    }

    /// Sends requests in their order, without waiting in between, and returns the replies.
    ///
    /// # Errors
    ///
    /// The first failure. In a transaction, the requests after it fail as well.
    pub(super) async fn send(&self, requests: Vec<Request<'_>>) -> Result<Vec<Reply>, Failure> {
        self.send_within(REPLY_TIMEOUT, requests).await
    }

    pub(super) async fn send_within(
        &self,
        deadline: Duration,
        requests: Vec<Request<'_>>,
    ) -> Result<Vec<Reply>, Failure> {
        let replies = pipelined(requests.into_iter().map(|request| self.send_one(request)));
        let Ok(replies) = timeout(deadline, replies).await else {
            // The server may be frozen: the driver would wait for ever to say goodbye.
            self.driver.abort();
            return Err(Failure::timeout(deadline));
        };
        replies.into_iter().collect()
    }

    async fn send_one(&self, request: Request<'_>) -> Result<Reply, Failure> {
        match request {
            Request::Batch(text) => {
                self.client.batch_execute(text).await?;
                Ok(Reply::Done)
            }
            Request::Select { text, cells: parameters, table } => {
                let bound = bound(&parameters);
                let rows = self.client.query_typed(text, &typed(&bound)).await?;
                Ok(Reply::Rows(rows.iter().map(|row| cells(row, table)).collect::<Result<_, _>>()?))
            }
            Request::Execute { text, cells } => {
                let bound = bound(&cells);
                Ok(Reply::Changed(self.client.execute_typed(text, &typed(&bound)).await?))
            }
        }
    }

    /// Returns the texts of the only row of a query without parameters. `None` stands for null.
    pub(super) async fn ask(&self, text: &str) -> Result<Vec<Option<String>>, Failure> {
        let reply = timeout(REPLY_TIMEOUT, self.client.simple_query(text)).await;
        for message in reply.map_err(|_| Failure::timeout(REPLY_TIMEOUT))?? {
            if let SimpleQueryMessage::Row(row) = message {
                return Ok((0..row.len()).map(|number| row.get(number).map(str::to_owned)).collect());
            }
        }
        Err(Failure::unexpected("a query returned no row"))
    }

    /// Returns whether the session can be used, as far as is known without asking.
    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Returns the time since the last use.
    pub(super) fn idle_time(&self) -> Duration {
        self.last_used.elapsed()
    }

    /// Notes that the session is used.
    pub(super) fn touch(&mut self) {
        self.last_used = Instant::now();
    }

    /// Waits until the connection is closed.
    pub(super) async fn close(self) {
        let Self { client, driver, .. } = self;
        drop(client);
        // The host may be gone: then there is nobody to say goodbye to.
        drop(timeout(REPLY_TIMEOUT, driver).await);
    }
}

fn bound<'a>(cells: &[(&'a Value, Type)]) -> Vec<(Bound<'a>, Type)> {
    cells.iter().map(|(cell, kind)| (Bound(cell), kind.clone())).collect()
}

pub(super) fn typed<'a>(bound: &'a [(Bound<'_>, Type)]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    let parameter =
        |(cell, kind): &'a (Bound<'_>, Type)| -> (&'a (dyn ToSql + Sync), Type) { (cell, kind.clone()) };
    bound.iter().map(parameter).collect()
}

/// Runs futures that send something when they are polled for the first time: in their order, all at once.
async fn pipelined<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<Pin<Box<MaybeDone<F>>>> = futures.map(|future| Box::pin(maybe_done(future))).collect();
    poll_fn(|context| {
        for each in &mut all {
            // Ready or not, it has sent its request.
            let _ = each.as_mut().poll(context);
        }
        Poll::Ready(())
    })
    .await;
    let mut outputs = Vec::with_capacity(all.len());
    for mut each in all {
        each.as_mut().await;
        outputs.extend(each.as_mut().take_output());
    }
    outputs
}
