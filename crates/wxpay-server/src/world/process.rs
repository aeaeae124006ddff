//! A process of the server: it starts, is killed between any two steps, or shuts down.

use super::{World, network::Wire, shop::Line};
use crate::{
    ambient::Ambient,
    app::{App, Parts, Settings},
    engine::{Ledger, model::Gate},
    ledger::{Changes, retention::Retention, schedule::Schedule},
    merchants::{Registry, Vault, seal::SealingKeys},
    observe::metrics::Metrics,
    serve::Shutdown,
    tasks::{self, Tasks},
    upstream::{
        Upstream,
        tokens::{LedgerStore, SharedTokens, Store, TokenParts},
    },
    watched::Watched,
    webhooks::{deliver, endpoints::Endpoints, secrets::SecretBox, send::WebhookTransport, target::Policy},
};
use sha2::{Digest as _, Sha256};
use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::{JoinHandle, yield_now},
    time::sleep,
};
use wxpay_hyper::Transport;
use wxpay_proto::{UnixTime, entropy::Entropy, secret::Secret};

/// The time for which an order can be paid that names no `time_expire`.
pub(super) const LIFETIME: Duration = Duration::from_mins(12);

/// A process. Once it is dead, nothing that it does has an effect: its tasks stand still at the ledger and at the
/// network.
#[derive(Debug)]
pub(super) struct Process {
    world: Arc<World>,
    number: u64,
    is_dead: Watched<bool>,
    /// The seconds by which its clock is ahead.
    ahead: AtomicI64,
}

impl Process {
    pub(super) fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.is_dead.read(|is_dead| *is_dead)
    }

    /// Waits for its death.
    pub(super) async fn died(&self) {
        self.is_dead.find(|is_dead| is_dead.then_some(())).await;
    }

    /// Goes on, unless it is dead.
    pub(super) async fn alive(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }
}

impl Ambient for Process {
    fn now(&self) -> UnixTime {
        let now = self.world.now();
        let ahead = self.ahead.load(Ordering::SeqCst);
        let by = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { now.before(by) } else { now.after(by) }
    }

    fn entropy(&self) -> Entropy {
        Entropy::new(Sha256::digest(self.world.draw().to_le_bytes()).into())
    }
}

impl Gate for Process {
    fn pass(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.alive().await;
            if let Some(delay) = self.world.ledger_delay() {
                sleep(delay).await;
            }
            yield_now().await;
            self.alive().await;
        })
    }

    fn committed(&self, operation: &dyn fmt::Debug, changes: &Changes) {
        self.world.watch(operation, changes);
        if self.world.is_tracing() {
            let text = format!("{operation:?}");
            self.world.trace(&text, || format!("[{}] {text}", self.number));
        }
    }
}

/// A running process.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) process: Arc<Process>,
    pub(super) app: App,
    tasks: Mutex<Option<(Tasks, JoinHandle<()>)>>,
}

impl Running {
    /// Starts a process.
    pub(super) fn start(world: &Arc<World>) -> Arc<Self> {
        let number = world.count("starts of the server");
        let process = Arc::new(Process {
            world: Arc::clone(world),
            number,
            is_dead: Watched::new(false),
            ahead: AtomicI64::new(0),
        });
        let ambient: Arc<dyn Ambient> = process.clone();
        let ledger = Ledger::from(world.model.through(process.clone()));
        let metrics = Metrics::new();
        let network: Arc<dyn Transport> =
            Arc::new(Wire { world: Arc::clone(world), process: Some(Arc::clone(&process)) });
        let account = &world.accounts[0];
        let provider = account.upstream().provider;
        let sealing = SealingKeys::new(&*provider, &[&Secret::new([7; 32])]);
        let name = format!("process{number}");
        let tokens = SharedTokens::new(TokenParts {
            network,
            stores: vec![Store::Ledger(LedgerStore::new(ledger.clone(), name.clone()))],
            sealing: sealing.clone(),
            ambient: Arc::clone(&ambient),
            metrics: metrics.clone(),
        });
        let upstream =
            Upstream::with_shared_tokens(tokens, Arc::clone(&ambient), metrics.clone(), 256).unwrap();
        let app = App::new(Parts {
            ledger: ledger.clone(),
            merchants: Arc::new(Registry::new(world.accounts.iter().map(super::Account::build)).unwrap()),
            vault: Vault::new(sealing.clone(), account.upstream()),
            upstream,
            ambient: Arc::clone(&ambient),
            metrics: metrics.clone(),
            shutdown: Shutdown::new(),
            settings: Settings {
                public_base_url: "https://pay.example.com".into(),
                schedule: Schedule { lifetime: LIFETIME, ..Schedule::default() },
                policy: wxpay_proto::retry::Policy::default(),
                retention: Retention::default(),
                process: name,
                max_polls: 256,
            },
        });
        let transport: Arc<dyn WebhookTransport> =
            Arc::new(Line { world: Arc::clone(world), process: Arc::clone(&process) });
        let secrets: Arc<dyn SecretBox> = Arc::new(sealing);
        let tasks = tasks::start(&app);
        let delivering = tokio::spawn(deliver::run(deliver::Parts {
            ledger,
            ambient,
            transport,
            secrets,
            policy: Policy::default(),
            metrics,
            shutdown: app.shutdown().clone(),
            numbered: app.numbered_events(),
            leases: app.leases().clone(),
        }));
        Arc::new(Self { process, app, tasks: Mutex::new(Some((tasks, delivering))) })
    }

    /// Returns the operations on endpoints.
    pub(super) fn endpoints(&self, world: &Arc<World>) -> Endpoints {
        let sealing = SealingKeys::new(&*world.accounts[0].upstream().provider, &[&Secret::new([7; 32])]);
        let ambient: Arc<dyn Ambient> = self.process.clone();
        Endpoints {
            ledger: self.app.ledger().clone(),
            ambient,
            transport: Arc::new(Line { world: Arc::clone(world), process: Arc::clone(&self.process) }),
            secrets: Arc::new(sealing),
            policy: Policy::default(),
        }
    }

    /// Kills it: every task stops where it is.
    pub(super) fn kill(&self) {
        self.process.is_dead.update(|is_dead| *is_dead = true);
        if let Some((tasks, delivering)) = self.tasks.lock().unwrap().take() {
            drop(tasks);
            delivering.abort();
        }
        // Loops that wait for nothing else must not go on for ever.
        self.app.shutdown().begin_shutdown();
    }

    /// Shuts it down. It ends at the latest when its time is over.
    pub(super) async fn shut_down(&self) {
        let taken = self.tasks.lock().unwrap().take();
        self.app.shutdown().begin_shutdown();
        self.app.shutdown().finish_within(Duration::from_secs(8)).await;
        if let Some((tasks, delivering)) = taken {
            tasks.finish().await;
            drop(delivering.await);
        }
        self.process.is_dead.update(|is_dead| *is_dead = true);
    }
}
