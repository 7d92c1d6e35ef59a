//! Who asks in an explanation: named by kind and name, with the groups of the store unless others are given.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use gate::directory::{Account, Directory};
use policy::identity::{Credential, Identity, Kind, Lineage};
use store::Store;

use super::line::Unreadable;

/// `user:ada` or `service:robot`, with the groups that are to count.
pub(super) fn resolve(
    who: &str,
    groups: Option<&[String]>,
    (store, address): (Option<&Store>, IpAddr),
) -> Result<Identity, Unreadable> {
    let (kind, name) = who
        .split_once(':')
        .filter(|(_, name)| !name.is_empty())
        .ok_or_else(|| {
            Unreadable::new(
                "invalid_identity",
                format!("`{who}` is neither `user:NAME` nor `service:NAME`"),
            )
        })?;
    let account = store.and_then(|store| store.account(name));
    let known = account.as_deref().map(|account| &account.kind);
    let kind = match (kind, known) {
        ("user", None | Some(Kind::User)) => Kind::User,
        ("service", Some(Kind::Service { owner })) => Kind::Service {
            owner: owner.clone(),
        },
        // nobody is recorded as owner of a service that is not there
        ("service", None) => Kind::Service {
            owner: "nobody".to_owned(),
        },
        ("user", Some(Kind::Service { .. })) => {
            return Err(Unreadable::new(
                "invalid_identity",
                format!("`{name}` is a service"),
            ));
        }
        ("service", Some(Kind::User)) => {
            return Err(Unreadable::new(
                "invalid_identity",
                format!("`{name}` is a user"),
            ));
        }
        (kind, _) => {
            let message = format!("`{kind}` is neither `user` nor `service`");
            return Err(Unreadable::new("invalid_identity", message));
        }
    };
    let groups = match (groups, account) {
        (Some(groups), _) => groups.iter().cloned().collect(),
        (None, Some(account)) => groups_of(&account),
        (None, None) => {
            let message = format!("the store knows no `{name}`; name their groups with `--groups`");
            return Err(Unreadable::new("unknown_identity", message));
        }
    };
    Ok(Identity {
        kind,
        name: name.to_owned(),
        groups,
        credential: Credential {
            id: "explain".to_owned(),
            kind: "token".to_owned(),
            lineage: Lineage("explain".to_owned()),
        },
        address: address.to_canonical(),
        on_behalf_of: None,
    })
}

fn groups_of(account: &Arc<Account>) -> BTreeSet<String> {
    account.groups.keys().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_store_groups_must_be_given() {
        let address = "::ffff:10.0.0.1".parse().unwrap();
        let ada = resolve("user:ada", Some(&["engineers".to_owned()]), (None, address)).unwrap();
        assert_eq!(
            (ada.label().as_str(), ada.address.to_string().as_str()),
            ("user:ada", "10.0.0.1")
        );
        let unknown = resolve("user:ada", None, (None, address)).unwrap_err();
        assert_eq!(unknown.code, "unknown_identity");
        for who in ["ada", "user:", "group:dba"] {
            assert_eq!(
                resolve(who, Some(&[]), (None, address)).unwrap_err().code,
                "invalid_identity"
            );
        }
    }
}
