//! A payment server for WeChat Pay. It takes orders and refunds from a shop over HTTP, receives WeChat Pay's
//! notifications, keeps both in a durable ledger, and reports events to the shop by webhooks.
//!
//! It speaks APIv3, for direct merchants and for partners, and APIv1, the 2013–2014 app payment that is closed to new
//! merchants. The command `wxpay serve` of the crate `wxpay-cli` runs it; this crate embeds it in another program:
//!
//! ```no_run
//! use wxpay_server::{Server, Sources};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let file = std::fs::read_to_string("wxpay.toml")?;
//! let settings = Sources::default().file(&file).environment(std::env::vars()).check()?;
//! let server = Server::start(settings).await?;
//! println!("listening on {}", server.url());
//! # let stopped = std::future::ready(());
//! stopped.await; // such as a signal
//! server.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! It logs through `tracing`; the program installs the subscriber. [`Console`] carries out the same interface without
//! HTTP, for the operator's commands.
//!
//! # Guarantees
//!
//! * **The shop's number identifies an order and a refund**, per merchant. The same terms again return the same resource;
//!   other terms are refused with the field that differs. Terms may be replaced only while the order certainly does not
//!   exist at WeChat Pay.
//! * **Everything is on disk before it is sent, and before it is answered.** An order or a refund that was acknowledged
//!   survives a crash, and so does a notification that was answered with success. A request whose outcome is unknown is
//!   resolved by a query, and repeated only under its number.
//! * **Only verified evidence pays an order**: a notification with WeChat Pay's signature, or its reply to a query. A
//!   payment that the payer's client reports pays nothing.
//! * **Evidence may be late, duplicated, reordered or lost**: the resulting state is the same, and each event is emitted
//!   once, in the transaction that writes its cause.
//! * **One transaction pays one order**: the first number under which evidence names it.
//! * **Refunds never exceed the payment**: the amount is reserved before the request is sent, and stays reserved until
//!   WeChat Pay has refunded or refused it.
//! * **An open order is queried** at growing intervals that survive a restart, and closed when it expires. A payment that
//!   is learned while the order is being closed opens a case and no `order.paid`, if the order is closed.
//! * **A payer's code is charged once.** A charge whose outcome is not known is queried every five seconds, never sent
//!   again, and reversed 45 seconds after it began. The decision to reverse is written before its call and never taken
//!   back: a reversed order was never `order.paid`. A payment that stays after its reversal opens a case.
//! * **Anomalies are no payments.** A second payment, another amount, or a payment of an unknown number opens a *case*,
//!   which a person decides by one of the proposed remedies.
//! * **Events have consecutive positions**, assigned after their commit: a reader with a cursor misses none. Webhooks
//!   arrive at least once, and in order for each order.
//!
//! # The interface
//!
//! JSON over HTTP/1.1 with `Authorization: Bearer wxk_…`. `/docs` and `/api/openapi.json` describe each field. Amounts are
//! whole fen, times have RFC 3339's form. `{n}` is the shop's number of an order, `{r}` that of a refund; `?merchant=` is
//! required unless the API key is for exactly one merchant.
//!
//! | request | scope | effect |
//! |---|---|---|
//! | `POST /api/orders` | `orders:write` | places an order; returns it with `pay`, for the payer's client |
//! | `GET /api/orders`, `GET /api/orders/{n}` | `orders:read` | lists orders; returns one |
//! | `POST /api/orders/{n}/pay` | `orders:write` | returns `pay`, signed anew |
//! | `POST /api/orders/{n}/query`, `…/close` | `orders:write` | queries the order now; closes it unless it is paid |
//! | `POST /api/orders/{n}/reverse` | `orders:write` | reverses a code payment that is not paid |
//! | `POST /api/orders/{n}/delivered` | `orders:write` | reports the delivery; APIv1 only |
//! | `POST /api/orders/{n}/refunds` | `refunds:write` | refunds the payment, in whole or in part |
//! | `GET /api/orders/{n}/refunds`, `…/refunds/{r}` | `orders:read` | lists refunds; returns one |
//! | `POST /api/orders/{n}/refunds/{r}/query` | `refunds:write` | queries the refund now |
//! | `GET /api/events`, `GET /api/events/stream` | `events:read` | lists events from a cursor; streams them (server-sent events) |
//! | `GET /api/cases`, `GET /api/cases/{id}` | `orders:read` | lists cases; returns one |
//! | `POST /api/cases/{id}/resolve` | `refunds:write` | carries out a remedy: `refund`, `accept`, `retry` |
//! | `/api/webhook-endpoints`, `…/rotate`, `…/test`, `…/attempts`, `…/replay` | `config:write` | manages the endpoints that receive events |
//! | `/api/merchants`, `…/keys`; `/api/api-keys`; `GET /api/audit` | `config:write` | manages merchants and API keys; lists decided cases and changes |
//! | `POST /notify/{merchant}/{kind}` | | receives a notification: `payment`, `refund` or `v1` |
//! | `GET /livez`, `/readyz`, `/metrics` | | health, and metrics for Prometheus |
//!
//! Every failure is a problem (RFC 9457) with `code`, `detail`, `retryable` and, where they apply, `field`, `rule`, `fate`
//! and `refusal`. 503 means that nothing was changed, 504 that the outcome at WeChat Pay is unknown: send the same request
//! again, never another number.
//!
//! A webhook is signed as in Standard Webhooks. Every status but 200 to 299 is a failure; 410 disables the endpoint. An
//! event is tried eleven times within about three days, and the later events of its order wait. After five days without
//! success the endpoint is disabled, and a case is opened. Events stay in the log, and can be replayed.
//!
//! # Operation
//!
//! * **Settings**: [`settings`] and [`sample`](settings::sample).
//! * **Files**: the ledger (`database`), with `-wal` and `-shm` beside it while it is open. All have mode 0600. A lock
//!   admits one server; commands work beside it. [`Console::backup`] copies the ledger while the server runs.
//! * **PostgreSQL** 13 or later, in place of the file: `database = "postgres://wxpay@db1,db2/wxpay"`, an empty database with
//!   the encoding UTF8. The first host that accepts writes is used, so that a standby may take over; let it be synchronous.
//!   Any number of servers may use one database, which each brings up to date when it starts; they share the background work
//!   by leases. A pooler in transaction mode may stand in between. If the connection is lost at a commit, the outcome is
//!   unknown, and the request gets 504. `wxpay copy-ledger` moves a file there; backups are those of PostgreSQL.
//! * **Redis** or Valkey, only for APIv1 and not required: `redis = "redis://…"`. Servers share the access token there, sealed,
//!   and in the ledger otherwise: one fetches it for all. While Redis is away, payments go on.
//! * **Secrets**: merchants from the file stay in it. Those that the API adds, and the secrets of webhook endpoints, are
//!   sealed in the ledger with `sealing_key` (AES-256-GCM). Of an API key, the ledger has a SHA-256 digest.
//! * **Limits**: 1,024 connections, and a reserve for the health; a head of 32 KiB and a body of 64 KiB (a notification
//!   1 MiB), each within 10 seconds (a notification 2 seconds); 64 MiB for all bodies; `rate_limit` requests per second of
//!   an API key. Lines of the log that strangers can cause are limited.
//! * **Restart**: [`Running::shutdown`] waits for requests and calls in progress, at most `shutdown_timeout`. The next
//!   server resumes all background work from the ledger. [`Running::reload`] replaces the merchants of the settings.
//! * **Disk full or removed, or database away**: nothing is acknowledged, `/readyz` fails, and requests get 503.
//!
//! # Not supported yet
//!
//! Combined orders, profit sharing and transfers; bills and reconciliation. TLS is left to a proxy in front.
//!
//! # Modules
//!
//! ```text
//! ledger     rows, and operations that load, decide and change: pure
//! engine     carries operations out: sqlite (one writer, group commit), postgres (a pool, row locks), model (tests)
//! merchants  a merchant's settings and keys; sealing
//! channels   an order's terms, the core's request for each channel, and `pay`
//! upstream   calls to WeChat Pay: quota, latency, clock skew, call log
//! actions    place, pay, query, close, refund, decide a case: the ledger and WeChat Pay together
//! notify     notifications in
//! tasks      leases, due queries and closings, numbering of events, retention
//! webhooks   endpoints, signatures, deliveries, the guard of URLs, the stream
//! api        routes, problems, API keys, idempotency keys, rate limits, the OpenAPI document
//! observe    metrics, health, log          serve     sockets, limits, shutdown
//! settings   file, environment, flags      server    start and end      console   the interface without HTTP
//! world      tests: the whole server in virtual time, on a network, a gateway and a disk that fail
//! ```
//!
//! Time and randomness come from [`ambient`] alone, so that the deterministic world of the tests runs the same code.

mod actions;
pub mod ambient;
mod api;
mod app;
mod audit;
mod channels;
mod console;
mod engine;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod invalid;
mod ledger;
mod merchants;
mod notify;
mod observe;
mod serve;
mod server;
pub mod settings;
mod single_flight;
mod tasks;
#[cfg(test)]
mod testing;
mod tls;
mod upstream;
mod watched;
mod webhooks;
#[cfg(test)]
mod world;

pub use console::{Console, CopiedLedger, Reply, SchemaVersions, Violation};
pub use server::{Running, Server, StartError};
pub use settings::{Settings, SettingsError, Sources};
