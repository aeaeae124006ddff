use super::*;
use crate::engine::{Ledger, conformance::assert_equal, model::Model};
use wxpay_proto::UnixTime;

const START: u64 = 1_700_000_000;
const TIMEOUT: Duration = Duration::from_secs(15);

fn at(seconds: u64) -> Context {
    Context { now: UnixTime::from_secs(START.saturating_add(seconds)), random: 0 }
}

fn row(version: u64, until: u64) -> TokenRow {
    TokenRow {
        appid: "wx1".into(),
        sealed_token: format!("sealed {version}"),
        version,
        expires_at: at(until).now,
    }
}

/// The same operations on every engine, one after the other; all must have the same outcome.
struct Tokens {
    all: Vec<Ledger>,
    _dir: tempfile::TempDir,
}

impl Tokens {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sqlite = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let postgres = crate::engine::postgres::testing::empty().await;
        Self { all: [Ledger::from(Model::new()), sqlite].into_iter().chain(postgres).collect(), _dir: dir }
    }

    async fn run<O: Operation>(&self, operation: O, context: Context) -> O::Output
    where
        O::Output: PartialEq + std::fmt::Debug,
    {
        let mut outputs = Vec::new();
        for ledger in &self.all {
            outputs.push(ledger.run(operation.clone(), context).await.unwrap());
        }
        let first = outputs.remove(0);
        assert!(outputs.iter().all(|output| *output == first), "{first:?} {outputs:?}");
        for ledger in &self.all[1..] {
            assert_equal(&self.all[0], ledger).await;
        }
        first
    }

    async fn lease(&self, owner: &str, seen: u64, seconds: u64) -> LeasedToken {
        let (appid, owner) = ("wx1".to_owned(), owner.to_owned());
        self.run(LeaseToken { appid, seen, owner, duration: TIMEOUT }, at(seconds)).await
    }

    async fn leased(&self, owner: &str, seen: u64, seconds: u64) -> (LeaseClaim, u64) {
        match self.lease(owner, seen, seconds).await {
            LeasedToken::Leased { claim, epoch } => (claim, epoch),
            LeasedToken::Busy => panic!("busy"),
        }
    }

    async fn store(&self, version: u64, claim: Option<LeaseClaim>, seconds: u64) -> bool {
        self.run(StoreToken { row: row(version, 7000), claim }, at(seconds)).await
    }

    async fn stored(&self) -> Option<u64> {
        self.all[0].load(Prefix::<TokenRow>::all()).await.unwrap().first().map(|row| row.version)
    }
}

#[tokio::test]
async fn one_process_fetches_and_the_others_find_its_token() {
    let tokens = Tokens::new().await;
    let (claim, epoch) = tokens.leased("one", 0, 0).await;
    assert_eq!(epoch, at(0).now.as_millis());
    assert_eq!(tokens.lease("other", 0, 1).await, LeasedToken::Busy);
    assert!(tokens.store(epoch, Some(claim), 2).await);
    assert_eq!(tokens.lease("other", 0, 3).await, LeasedToken::Busy, "the token is newer than none");
    // Whoever has seen it may replace it, at once.
    let (_, next) = tokens.leased("other", epoch, 4).await;
    assert!(next > epoch);
}

#[tokio::test]
async fn a_token_that_expired_is_replaced_by_anybody() {
    let tokens = Tokens::new().await;
    let (claim, epoch) = tokens.leased("one", 0, 0).await;
    tokens.store(epoch, Some(claim), 1).await;
    assert_eq!(tokens.lease("other", 0, 6999).await, LeasedToken::Busy);
    assert!(matches!(tokens.lease("other", 0, 7000).await, LeasedToken::Leased { .. }));
}

#[tokio::test]
async fn the_late_token_of_a_lost_process_is_refused() {
    let tokens = Tokens::new().await;
    let (lost, old) = tokens.leased("lost", 0, 0).await;
    let (claim, epoch) = tokens.leased("other", 0, 16).await;
    assert!(!tokens.store(old, Some(lost.clone()), 17).await, "while the other one fetches");
    assert_eq!(tokens.stored().await, None);
    assert!(tokens.store(epoch, Some(claim), 18).await);
    assert!(!tokens.store(old, Some(lost), 19).await, "after the other one stored its token");
    assert_eq!(tokens.stored().await, Some(epoch));
}

#[tokio::test]
async fn epochs_grow_although_a_clock_is_behind() {
    let tokens = Tokens::new().await;
    let (claim, epoch) = tokens.leased("one", 0, 1000).await;
    tokens.store(epoch, Some(claim), 1000).await;
    let (_, next) = tokens.leased("behind", epoch, 10).await;
    assert_eq!(next, epoch + 1);
    let (_, next) = tokens.leased("one", epoch + 50, 2000).await;
    assert!(next > epoch + 50);
}

#[tokio::test]
async fn a_token_of_another_store_is_taken_if_it_is_newer() {
    let tokens = Tokens::new().await;
    assert!(tokens.store(7, None, 0).await);
    assert!(!tokens.store(7, None, 0).await);
    assert!(!tokens.store(6, None, 0).await);
    assert!(tokens.store(8, None, 0).await);
    assert_eq!(tokens.stored().await, Some(8));
}
