//! The people of the stand: an admin, ada the engineer, grace and heidi who countersign, and robot, whom ada owns.

use anyhow::Context;

use crate::gateway::Place;

/// Access tokens by person.
#[derive(Debug, Clone)]
pub struct People {
    pub admin: String,
    pub ada: String,
    pub grace: String,
    pub heidi: String,
    pub robot: String,
}

impl People {
    /// Adds everybody through the admin API of a running gateway.
    pub fn add(place: &Place, admin: String) -> anyhow::Result<Self> {
        let groups = [("ada", "engineers"), ("grace", "dba"), ("heidi", "dba,sre")];
        for (name, groups) in groups {
            place.cli(&admin, &["user", "add", name, "--groups", groups])?;
        }
        place.cli(
            &admin,
            &[
                "user",
                "add",
                "robot",
                "--owner",
                "ada",
                "--groups",
                "engineers",
            ],
        )?;
        Ok(Self {
            ada: token(place, &admin, "ada")?,
            grace: token(place, &admin, "grace")?,
            heidi: token(place, &admin, "heidi")?,
            robot: token(place, &admin, "robot")?,
            admin,
        })
    }
}

/// Issues a token to somebody.
pub fn token(place: &Place, admin: &str, account: &str) -> anyhow::Result<String> {
    let issued = place.cli(
        admin,
        &[
            "--output", "json", "token", "create", account, "--name", "stand",
        ],
    )?;
    let issued: serde_json::Value = serde_json::from_str(&issued)?;
    let token = issued.get("token").and_then(serde_json::Value::as_str);
    Ok(token.context("an issued token has a text")?.to_owned())
}
