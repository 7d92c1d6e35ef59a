//! What a target holds, asked by whoever explains a request with `--catalog live`, in a session of their own.

use gate::{Connect, Decision, Error, Permitted, Session, Target};
use serde_json::{Value, json};

use crate::config::Backend;
use crate::governed::{Catalogue, QUERY};
use crate::server::{Beside, Rows};

/// Role first, then the search path in order, as the server resolves it.
pub(crate) const READ_BACK: &str = "\
SELECT '0', CURRENT_USER::pg_catalog.text UNION ALL \
SELECT o::pg_catalog.text, s::pg_catalog.text \
FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS u(s, o)";

/// From the rows of `READ_BACK`.
pub(crate) fn role_and_path(rows: &Rows) -> Result<(String, Vec<String>), Error> {
    let mut named: Vec<(u32, String)> = Vec::with_capacity(rows.len());
    for row in rows {
        let text = |place: usize| std::str::from_utf8(row.get(place)?.as_deref()?).ok();
        let pair = text(0).and_then(|number| number.parse().ok()).zip(text(1));
        let Some((number, name)) = pair else {
            return Err(Error::Backend(
                "told role and search path in another shape".into(),
            ));
        };
        named.push((number, name.to_owned()));
    }
    named.sort();
    let mut names = named.into_iter().map(|(_, name)| name);
    let Some(role) = names.next() else {
        return Err(Error::Backend("told no role".into()));
    };
    Ok((role, names.collect()))
}

/// What `explain` reads again. Names only; what a person's `\\d` shows as well.
pub(crate) async fn catalogue(
    target: &Target<Backend>,
    session: Session,
    database: Option<String>,
) -> Result<Value, Error> {
    let offered = &target.backend.databases;
    let database = match database {
        None => offered.first(),
        Some(asked) => offered.iter().find(|offered| **offered == asked),
    };
    let Some(database) = database else {
        return Err(Error::Backend("offers no such database".into()));
    };
    let permit = permitted(&session, database).await?;
    let mut beside = Beside::alone(&session, permit, &target.backend, database).await?;
    let mut ask = async |text| {
        let rows = beside.ask_with(text, &[]).await?;
        rows.map_err(|code| Error::Backend(format!("refused with {code}")))
    };
    let (role, search_path) = role_and_path(&ask(READ_BACK).await?)?;
    let rows = ask(QUERY).await?;
    beside.leave().await?;
    let texts = |row: &Vec<Option<Vec<u8>>>| -> Vec<Option<String>> {
        let text = |field: &Vec<u8>| String::from_utf8_lossy(field).into_owned();
        row.iter().map(|field| field.as_ref().map(text)).collect()
    };
    let rows: Vec<_> = rows.iter().map(texts).collect();
    Ok(json!({ "database": database, "role": role, "search_path": search_path, "rows": rows }))
}

async fn permitted(session: &Session, database: &str) -> Result<Permitted<Connect>, Error> {
    let connect = Connect::to(session, &[("database", database)], Vec::new());
    match session.authorize(connect).await {
        Decision::Permit(permit) => Ok(permit),
        Decision::Hold(hold) => {
            drop(hold.withdraw().await);
            Err(Error::Client("connecting needs an approval".into()))
        }
        Decision::Deny(denied) => {
            let why = denied.reason().as_str();
            Err(Error::Client(format!("connecting is denied ({why})")))
        }
        Decision::Fault(_, fault) => Err(fault.into()),
    }
}

/// A catalogue that was told before.
pub(crate) struct Told {
    pub(crate) role: String,
    pub(crate) search_path: Vec<String>,
    pub(crate) catalogue: Catalogue,
}

/// `None` where it has another shape.
pub(crate) fn read(told: &Value) -> Option<Told> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts = |value: &Value| {
        value
            .as_array()?
            .iter()
            .map(text)
            .collect::<Option<Vec<_>>>()
    };
    let rows = told.get("rows")?.as_array()?.iter();
    let field = |value: &Value| value.as_str().map(|text| text.as_bytes().to_vec());
    let rows: Option<Rows> = rows
        .map(|row| Some(row.as_array()?.iter().map(field).collect()))
        .collect();
    Some(Told {
        role: text(told.get("role")?)?,
        search_path: texts(told.get("search_path")?)?,
        catalogue: Catalogue::read(&rows?)?,
    })
}
