//! Users, services and who is in which group.

use std::num::NonZeroU32;
use std::sync::Arc;

use aws_lc_rs::rand;
use gate::directory::{Account, Directory};
use policy::identity::Kind;
use sqlx::SqliteConnection;

use crate::error::Error;
use crate::name::Name;
use crate::open::{Store, Touches};

/// What RFC 7677 asks for at least; the token's own entropy does the rest.
const ITERATIONS: NonZeroU32 = match NonZeroU32::new(4096) {
    Some(count) => count,
    None => NonZeroU32::MIN,
};
/// Its members administer the gateway by built-in permits.
const ADMIN: &str = "admin";

#[derive(Debug, Clone)]
pub struct NewAccount {
    pub name: Name,
    /// The owner makes it a service.
    pub owner: Option<Name>,
    pub groups: Vec<Name>,
    /// Who adds it, and with it gives the groups.
    pub by: String,
}

impl Store {
    /// All accounts, by name.
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        self.shared
            .directory
            .snapshot()
            .accounts
            .values()
            .cloned()
            .collect()
    }

    /// Adds a user, or a service where there is an owner. `at`: Unix seconds.
    pub async fn add_account(&self, new: NewAccount, at: i64) -> Result<Arc<Account>, Error> {
        let name = new.name.clone();
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(insert(connection, new, at))
            })
            .await?;
        self.account(name.as_str())
            .ok_or_else(|| Error::NoAccount(name.to_string()))
    }

    /// Adds a user in the group `admin`, unless somebody is in it already.
    pub async fn add_first_admin(&self, name: Name, at: i64) -> Result<Arc<Account>, Error> {
        let by = name.to_string();
        let new = NewAccount {
            name,
            owner: None,
            groups: vec![Name::new(ADMIN)?],
            by,
        };
        let name = new.name.clone();
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    let admins: i64 =
                        sqlx::query_scalar("SELECT count(*) FROM membership WHERE team = ?")
                            .bind(ADMIN)
                            .fetch_one(&mut *connection)
                            .await?;
                    if admins > 0 {
                        return Err(Error::AdminExists);
                    }
                    insert(connection, new, at).await
                })
            })
            .await?;
        self.account(name.as_str())
            .ok_or_else(|| Error::NoAccount(name.to_string()))
    }

    /// Puts an account into a group; who is in it already stays as they came to be in it.
    pub async fn join(&self, account: &str, group: Name, by: String, at: i64) -> Result<(), Error> {
        let account = account.to_owned();
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    kind_of(connection, &account).await?;
                    give(connection, &account, &group, (&by, at)).await
                })
            })
            .await
    }

    /// Takes an account out of a group; nothing happens where it is not in it.
    pub async fn leave(&self, account: &str, group: &str) -> Result<(), Error> {
        let (account, group) = (account.to_owned(), group.to_owned());
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    kind_of(connection, &account).await?;
                    sqlx::query("DELETE FROM membership WHERE account = ? AND team = ?")
                        .bind(account)
                        .bind(group)
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }
}

async fn insert(connection: &mut SqliteConnection, new: NewAccount, at: i64) -> Result<(), Error> {
    if let Some(owner) = &new.owner
        && kind_of(connection, owner.as_str()).await? != Kind::User
    {
        return Err(Error::NotAnOwner(owner.to_string()));
    }
    let mut salt = [0; 16];
    rand::fill(&mut salt).map_err(|_| Error::Unavailable("no randomness".into()))?;
    let added = sqlx::query(
        "INSERT INTO account (name, kind, owner, salt, iterations, added_by, added_at)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
    )
    .bind(new.name.as_str())
    .bind(if new.owner.is_some() {
        "service"
    } else {
        "user"
    })
    .bind(new.owner.as_ref().map(Name::as_str))
    .bind(salt.as_slice())
    .bind(i64::from(ITERATIONS.get()))
    .bind(&new.by)
    .bind(at)
    .execute(&mut *connection)
    .await?;
    if added.rows_affected() == 0 {
        return Err(Error::Exists(new.name.to_string()));
    }
    for group in &new.groups {
        give(connection, new.name.as_str(), group, (&new.by, at)).await?;
    }
    Ok(())
}

async fn give(
    connection: &mut SqliteConnection,
    account: &str,
    group: &Name,
    (by, at): (&str, i64),
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO membership (account, team, given_by, given_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (account, team) DO NOTHING",
    )
    .bind(account)
    .bind(group.as_str())
    .bind(by)
    .bind(at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Also finds out whether there is such an account.
async fn kind_of(connection: &mut SqliteConnection, name: &str) -> Result<Kind, Error> {
    let found: Option<Option<String>> =
        sqlx::query_scalar("SELECT owner FROM account WHERE name = ?")
            .bind(name)
            .fetch_optional(connection)
            .await?;
    let owner = found.ok_or_else(|| Error::NoAccount(name.to_owned()))?;
    Ok(owner.map_or(Kind::User, |owner| Kind::Service { owner }))
}
