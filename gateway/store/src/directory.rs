//! All accounts by heart, so that the gate never waits for the disk.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use gate::SessionInfo;
use gate::directory::{Account, Directory, Membership, SshKey, Token};
use gate::scram::Verifier;
use policy::identity::Kind;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use tokio::sync::watch;

use crate::error::Error;
use crate::open::Store;
use crate::sessions::SessionRecord;

/// Accounts, tokens and locks of one moment.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) accounts: BTreeMap<String, Arc<Account>>,
    owners: HashMap<String, String>,
    /// By fingerprint: of those keys that were not revoked.
    key_owners: HashMap<String, String>,
    locked_targets: HashSet<String>,
}

/// The snapshot in force and what is not written down yet.
pub(crate) struct Memory {
    snapshot: RwLock<Arc<Snapshot>>,
    changes: watch::Sender<u64>,
    /// Id of a token or key and last use, Unix seconds.
    uses: Mutex<HashMap<String, i64>>,
    /// SQLite's count of other processes' changes, as of the snapshot; none when that is in doubt.
    version: Mutex<Option<i64>>,
}

impl Memory {
    pub(crate) fn new(snapshot: Snapshot, version: i64) -> Self {
        Self {
            snapshot: RwLock::new(Arc::new(snapshot)),
            changes: watch::Sender::new(0),
            uses: Mutex::default(),
            version: Mutex::new(Some(version)),
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts the snapshot in force first, then tells of it.
    pub(crate) fn replace(&self, snapshot: Snapshot) {
        *self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn outdated(&self, version: i64) -> bool {
        *unpoisoned(&self.version) != Some(version)
    }

    pub(crate) fn trust(&self, version: i64) {
        *unpoisoned(&self.version) = Some(version);
    }

    pub(crate) fn doubt(&self) {
        *unpoisoned(&self.version) = None;
    }

    pub(crate) fn uses(&self) -> HashMap<String, i64> {
        unpoisoned(&self.uses).clone()
    }

    /// Forgets the uses that are written down, but for those that were renewed meanwhile.
    pub(crate) fn written(&self, uses: &HashMap<String, i64>) {
        unpoisoned(&self.uses).retain(|token, at| uses.get(token) != Some(at));
    }

    /// The last use of a token that is not written down yet.
    pub(crate) fn unwritten_use(&self, token: &str) -> Option<i64> {
        unpoisoned(&self.uses).get(token).copied()
    }
}

impl Directory for Store {
    fn account(&self, name: &str) -> Option<Arc<Account>> {
        self.shared.directory.snapshot().accounts.get(name).cloned()
    }

    fn owner_of_token(&self, token: &str) -> Option<Arc<Account>> {
        let snapshot = self.shared.directory.snapshot();
        snapshot.accounts.get(snapshot.owners.get(token)?).cloned()
    }

    fn owner_of_ssh_key(&self, fingerprint: &str) -> Option<Arc<Account>> {
        let snapshot = self.shared.directory.snapshot();
        let owner = snapshot.key_owners.get(fingerprint)?;
        snapshot.accounts.get(owner).cloned()
    }

    fn services_of(&self, owner: &str) -> BTreeSet<String> {
        let snapshot = self.shared.directory.snapshot();
        let owned =
            |account: &Account| matches!(&account.kind, Kind::Service { owner: by } if by == owner);
        let services = snapshot.accounts.values().filter(|account| owned(account));
        services.map(|account| account.name.clone()).collect()
    }

    fn target_locked(&self, target: &str) -> bool {
        self.shared
            .directory
            .snapshot()
            .locked_targets
            .contains(target)
    }

    fn used(&self, credential: &str, at: i64) {
        unpoisoned(&self.shared.directory.uses).insert(credential.to_owned(), at);
    }

    fn opened(&self, session: &SessionInfo) {
        self.session_opened(SessionRecord {
            id: session.id.clone(),
            identity: session.identity.clone(),
            target: session.target.clone(),
            protocol: session.protocol.clone(),
            address: session.address.to_string(),
            opened_at: session.opened_at,
            closed_at: None,
            tape: None,
        });
    }

    fn closed(&self, session: &str, at: i64, tape: Option<String>) {
        self.session_closed(session, at, tape);
    }
}

impl Snapshot {
    pub(crate) async fn load(connection: &mut SqliteConnection) -> Result<Self, Error> {
        let mut accounts = load_accounts(connection).await?;
        load_memberships(connection, &mut accounts).await?;
        let mut owners = HashMap::new();
        for (owner, token) in load_tokens(connection).await? {
            owners.insert(token.id.clone(), owner.clone());
            if let Some(account) = accounts.get_mut(&owner) {
                account.tokens.push(token);
            }
        }
        let mut key_owners = HashMap::new();
        for (owner, key) in load_ssh_keys(connection).await? {
            if let Some(account) = accounts.get_mut(&owner) {
                if !key.revoked {
                    key_owners.insert(key.fingerprint.clone(), owner);
                }
                account.ssh_keys.push(key);
            }
        }
        for (owner, serial) in load_revoked_certificates(connection).await? {
            if let Some(account) = accounts.get_mut(&owner) {
                account.revoked_certificates.insert(serial.unsigned_abs());
            }
        }
        let locked_targets: Vec<String> =
            sqlx::query_scalar("SELECT name FROM lock WHERE kind = 'target'")
                .fetch_all(connection)
                .await?;
        Ok(Self {
            accounts: accounts
                .into_iter()
                .map(|(name, one)| (name, Arc::new(one)))
                .collect(),
            owners,
            key_owners,
            locked_targets: locked_targets.into_iter().collect(),
        })
    }
}

/// Name, owner, salt, iterations, whether it is locked.
type AccountRow = (String, Option<String>, Vec<u8>, i64, bool);

async fn load_accounts(
    connection: &mut SqliteConnection,
) -> Result<BTreeMap<String, Account>, Error> {
    let rows: Vec<AccountRow> = sqlx::query_as(
        "SELECT a.name, a.owner, a.salt, a.iterations, l.name IS NOT NULL
         FROM account a LEFT JOIN lock l ON l.kind = 'user' AND l.name = a.name",
    )
    .fetch_all(connection)
    .await?;
    let account = |(name, owner, salt, iterations, locked): (String, Option<String>, _, _, _)| {
        let account = Account {
            name: name.clone(),
            kind: owner.map_or(Kind::User, |owner| Kind::Service { owner }),
            groups: BTreeMap::new(),
            salt: array(salt)?,
            iterations: u32::try_from(iterations)
                .ok()
                .and_then(NonZeroU32::new)
                .ok_or_else(|| Error::Corrupt("iteration count".into()))?,
            tokens: Vec::new(),
            ssh_keys: Vec::new(),
            revoked_certificates: BTreeSet::new(),
            locked,
        };
        Ok((name, account))
    };
    rows.into_iter().map(account).collect()
}

async fn load_memberships(
    connection: &mut SqliteConnection,
    accounts: &mut BTreeMap<String, Account>,
) -> Result<(), Error> {
    let rows: Vec<(String, String, String, i64)> =
        sqlx::query_as("SELECT account, team, given_by, given_at FROM membership")
            .fetch_all(connection)
            .await?;
    for (account, group, given_by, given_at) in rows {
        if let Some(account) = accounts.get_mut(&account) {
            account
                .groups
                .insert(group, Membership { given_by, given_at });
        }
    }
    Ok(())
}

/// Tokens with the names of their accounts; a locked token counts as revoked.
async fn load_tokens(connection: &mut SqliteConnection) -> Result<Vec<(String, Token)>, Error> {
    let rows = sqlx::query(
        "SELECT t.account, t.id, t.name, t.hash, t.stored_key, t.server_key, t.issued_by, t.issued_at, t.expires_at,
                t.revoked_at IS NOT NULL OR l.name IS NOT NULL AS revoked
         FROM token t LEFT JOIN lock l ON l.kind = 'token' AND l.name = t.id
         ORDER BY t.issued_at, t.id",
    )
    .fetch_all(connection)
    .await?;
    let token = |row: SqliteRow| {
        let token = Token {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            hash: array(row.try_get("hash")?)?,
            verifier: Verifier {
                stored_key: array(row.try_get("stored_key")?)?,
                server_key: array(row.try_get("server_key")?)?,
            },
            issued_by: row.try_get("issued_by")?,
            issued_at: row.try_get("issued_at")?,
            expires_at: row.try_get("expires_at")?,
            revoked: row.try_get("revoked")?,
        };
        Ok((row.try_get("account")?, token))
    };
    rows.into_iter().map(token).collect()
}

/// Keys with the names of their accounts; a locked key counts as revoked.
async fn load_ssh_keys(connection: &mut SqliteConnection) -> Result<Vec<(String, SshKey)>, Error> {
    let rows = sqlx::query(
        "SELECT k.account, k.id, k.name, k.blob, k.fingerprint, k.added_by, k.added_at, k.expires_at,
                k.revoked_at IS NOT NULL OR l.name IS NOT NULL AS revoked
         FROM ssh_key k LEFT JOIN lock l ON l.kind = 'token' AND l.name = k.id
         ORDER BY k.added_at, k.id",
    )
    .fetch_all(connection)
    .await?;
    let key = |row: SqliteRow| {
        let key = SshKey {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            blob: row.try_get("blob")?,
            fingerprint: row.try_get("fingerprint")?,
            added_by: row.try_get("added_by")?,
            added_at: row.try_get("added_at")?,
            expires_at: row.try_get("expires_at")?,
            revoked: row.try_get("revoked")?,
        };
        Ok((row.try_get("account")?, key))
    };
    rows.into_iter().map(key).collect()
}

/// A certificate is void when it was revoked itself, or when the token that it was asked for with was revoked or locked.
async fn load_revoked_certificates(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, i64)>, Error> {
    let rows = sqlx::query_as(
        "SELECT c.account, c.serial FROM ssh_certificate c
         LEFT JOIN token t ON t.id = c.issued_with
         LEFT JOIN lock l ON l.kind = 'token' AND l.name = c.issued_with
         WHERE c.revoked_at IS NOT NULL OR t.revoked_at IS NOT NULL OR l.name IS NOT NULL",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

fn array<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N], Error> {
    bytes
        .try_into()
        .map_err(|_| Error::Corrupt(format!("not {N} bytes")))
}

pub(crate) fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
