//! What targets hold now, asked of the running gateway once each.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::line::Unreadable;
use crate::client::{Client, escaped};

/// A target, and one of its databases.
type Asked = (String, Option<String>);

/// Catalogues by target and database.
pub(super) struct Targets {
    client: Client,
    told: RefCell<BTreeMap<Asked, Arc<Value>>>,
}

impl Targets {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            told: RefCell::default(),
        }
    }

    pub(super) fn catalogue(
        &self,
        target: &str,
        database: Option<&str>,
    ) -> Result<Arc<Value>, Unreadable> {
        let key = (target.to_owned(), database.map(str::to_owned));
        if let Some(told) = self.told.borrow().get(&key) {
            return Ok(told.clone());
        }
        let mut path = format!("/v1/catalogue?target={}", escaped(target));
        if let Some(database) = database {
            path.push_str(&format!("&database={}", escaped(database)));
        }
        let told = self.client.get(&path);
        let told = Arc::new(told.map_err(|error| Unreadable::new("catalog", error.to_string()))?);
        self.told.borrow_mut().insert(key, told.clone());
        Ok(told)
    }
}
