//! What a database holds, read once and shared by its sessions, free of policy.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::decode::{OwnCalls, RelationName};

/// Relations with their columns (`c`), what views rest on (`v`), which of them rest on functions or operators that are not
/// the server's own (`f`: what those read is not known), which columns are generated from others (`g`), functions that
/// share a name with one of the server's (`o`) or take one row (`a`), and what tables inherit from (`i`).
pub(crate) const QUERY: &str = "\
SELECT 'c', a.attrelid::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, \
       a.attnum::pg_catalog.text, a.attname::pg_catalog.text \
FROM pg_catalog.pg_attribute a \
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid \
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,m,f,p,S}') \
  AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped \
UNION ALL \
SELECT DISTINCT 'v', r.ev_class::pg_catalog.text, '', '', d.refobjsubid::pg_catalog.text, d.refobjid::pg_catalog.text \
FROM pg_catalog.pg_rewrite r \
JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) r.oid \
WHERE d.classid OPERATOR(pg_catalog.=) 2618 AND d.refclassid OPERATOR(pg_catalog.=) 1259 \
  AND d.refobjid OPERATOR(pg_catalog.<>) r.ev_class \
UNION ALL \
SELECT DISTINCT 'f', r.ev_class::pg_catalog.text, '', '', '0', '' \
FROM pg_catalog.pg_rewrite r \
JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) r.oid \
LEFT JOIN pg_catalog.pg_proc p ON d.refclassid OPERATOR(pg_catalog.=) 1255 AND p.oid OPERATOR(pg_catalog.=) d.refobjid \
LEFT JOIN pg_catalog.pg_operator o ON d.refclassid OPERATOR(pg_catalog.=) 2617 AND o.oid OPERATOR(pg_catalog.=) d.refobjid \
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace OR n.oid OPERATOR(pg_catalog.=) o.oprnamespace \
WHERE d.classid OPERATOR(pg_catalog.=) 2618 \
  AND n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema' \
UNION ALL \
SELECT DISTINCT 'g', d.refobjid::pg_catalog.text, '', '', d.refobjsubid::pg_catalog.text, \
       coalesce(f.adnum, d.objsubid)::pg_catalog.text \
FROM pg_catalog.pg_depend d \
LEFT JOIN pg_catalog.pg_attrdef f ON d.classid OPERATOR(pg_catalog.=) 2604 AND f.oid OPERATOR(pg_catalog.=) d.objid \
WHERE d.refclassid OPERATOR(pg_catalog.=) 1259 AND d.refobjsubid OPERATOR(pg_catalog.>) 0 \
  AND (f.adrelid OPERATOR(pg_catalog.=) d.refobjid AND f.adnum OPERATOR(pg_catalog.<>) d.refobjsubid \
    OR d.classid OPERATOR(pg_catalog.=) 1259 AND d.objid OPERATOR(pg_catalog.=) d.refobjid \
      AND d.objsubid OPERATOR(pg_catalog.>) 0) \
UNION ALL \
SELECT DISTINCT CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_proc s \
         WHERE s.proname OPERATOR(pg_catalog.=) p.proname AND s.pronamespace OPERATOR(pg_catalog.=) 11) \
       THEN 'o' ELSE 'a' END, '0', '', '', '0', p.proname::pg_catalog.text \
FROM pg_catalog.pg_proc p \
WHERE p.oid OPERATOR(pg_catalog.>=) 16384 \
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid OPERATOR(pg_catalog.=) 1255 \
    AND d.objid OPERATOR(pg_catalog.=) p.oid AND d.deptype OPERATOR(pg_catalog.=) 'e') \
  AND (p.pronargs OPERATOR(pg_catalog.=) 1 AND EXISTS (SELECT 1 FROM pg_catalog.pg_type t \
    WHERE t.oid OPERATOR(pg_catalog.=) p.proargtypes[0] AND t.typtype OPERATOR(pg_catalog.<>) 'b') OR EXISTS (SELECT 1 FROM pg_catalog.pg_proc s \
    WHERE s.proname OPERATOR(pg_catalog.=) p.proname AND s.pronamespace OPERATOR(pg_catalog.=) 11)) \
UNION ALL \
SELECT 'i', inhrelid::pg_catalog.text, '', '', '0', inhparent::pg_catalog.text FROM pg_catalog.pg_inherits";

/// How long a catalogue serves new sessions; a DDL statement that passes voids it at once.
pub(crate) const FRESH: Duration = Duration::from_secs(60);
/// Rows of a catalogue; a larger database is treated as unknown, and so as governed whole.
const ROWS: usize = 2_000_000;

/// What a database holds, free of policy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Catalogue {
    pub(super) relations: HashMap<u32, Relation>,
    pub(super) by_name: HashMap<String, HashMap<String, u32>>,
    /// (relation, what it rests on, column there or 0 for all of it)
    pub(super) rests_on: Vec<(u32, u32, i16)>,
    pub(super) inherits: Vec<(u32, u32)>,
    /// (relation, generated column, one that it is computed from)
    pub(super) generated: Vec<(u32, i16, i16)>,
    /// Views over functions.
    pub(super) opaque: Vec<u32>,
    pub(crate) own_calls: Arc<OwnCalls>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) columns: Vec<(i16, String)>,
}

/// Catalogues by target and database.
#[derive(Clone, Default)]
pub(crate) struct Catalogues {
    kept: Arc<Mutex<HashMap<(String, String), Kept>>>,
    /// Raised whenever one is forgotten, so that open sessions look again.
    generation: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Kept {
    catalogue: Arc<Catalogue>,
    at: Instant,
}

impl Catalogues {
    pub(crate) fn fresh(&self, target: &str, database: &str) -> Option<Arc<Catalogue>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (target.to_owned(), database.to_owned());
        let found = kept.get(&key)?;
        (found.at.elapsed() < FRESH).then(|| found.catalogue.clone())
    }

    pub(crate) fn keep(&self, target: &str, database: &str, catalogue: Arc<Catalogue>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (target.to_owned(), database.to_owned());
        let at = Instant::now();
        let before = kept.insert(
            key,
            Kept {
                catalogue: catalogue.clone(),
                at,
            },
        );
        if before.is_some_and(|before| before.catalogue != catalogue) {
            // somebody changed it beside the gateway
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(crate) fn forget(&self, target: &str, database: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&(target.to_owned(), database.to_owned()));
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}

impl Catalogue {
    /// From the rows of `QUERY`; `None` where they are not what was asked for.
    pub(crate) fn read(rows: &[Vec<Option<Vec<u8>>>]) -> Option<Self> {
        if rows.len() > ROWS {
            return None;
        }
        let mut catalogue = Self::default();
        let mut own = OwnCalls::default();
        for row in rows {
            let text = |place: usize| std::str::from_utf8(row.get(place)?.as_deref()?).ok();
            let relation: u32 = text(1)?.parse().ok()?;
            let number: i16 = text(4)?.parse().ok()?;
            match text(0)? {
                "c" => catalogue.column(relation, number, [text(2)?, text(3)?, text(5)?]),
                "v" => catalogue
                    .rests_on
                    .push((relation, text(5)?.parse().ok()?, number)),
                "g" => catalogue
                    .generated
                    .push((relation, text(5)?.parse().ok()?, number)),
                "o" => own.overload(text(5)?),
                "a" => own.attribute(text(5)?),
                "f" => catalogue.opaque.push(relation),
                "i" => catalogue.inherits.push((relation, text(5)?.parse().ok()?)),
                _ => return None,
            }
        }
        // equal catalogues are told apart from changed ones, in whatever order they came
        catalogue.rests_on.sort_unstable();
        catalogue.inherits.sort_unstable();
        catalogue.generated.sort_unstable();
        catalogue.opaque.sort_unstable();
        for relation in catalogue.relations.values_mut() {
            relation.columns.sort_unstable();
        }
        own.views = catalogue.opaque_views();
        catalogue.own_calls = Arc::new(own);
        Some(catalogue)
    }

    /// Views over functions, and the views over those.
    fn opaque_views(&self) -> BTreeSet<(String, String)> {
        let mut opaque: HashSet<u32> = self.opaque.iter().copied().collect();
        loop {
            let before = opaque.len();
            let above = self
                .rests_on
                .iter()
                .filter(|(_, on, _)| opaque.contains(on));
            let above: Vec<u32> = above.map(|(view, ..)| *view).collect();
            opaque.extend(above);
            if opaque.len() == before {
                break;
            }
        }
        let known = opaque.iter().filter_map(|oid| self.relations.get(oid));
        known
            .map(|view| (view.schema.clone(), view.name.clone()))
            .collect()
    }

    fn column(&mut self, oid: u32, number: i16, [schema, name, column]: [&str; 3]) {
        let relation = self.relations.entry(oid).or_default();
        if relation.columns.is_empty() {
            relation.schema = schema.to_owned();
            relation.name = name.to_owned();
            let names = self.by_name.entry(schema.to_owned()).or_default();
            names.insert(name.to_owned(), oid);
        }
        relation.columns.push((number, column.to_owned()));
    }

    /// Every relation that a name may mean: without a schema that of each schema on the path, for what stands first now
    /// may be gone when the server looks.
    pub(super) fn candidates<'c>(
        &'c self,
        name: &'c RelationName,
        search_path: &'c [String],
    ) -> impl Iterator<Item = (u32, &'c Relation)> {
        let schemas = match &name.schema {
            Some(schema) => std::slice::from_ref(schema),
            None => search_path,
        };
        schemas.iter().filter_map(|schema| {
            let oid = *self.by_name.get(schema)?.get(&name.name)?;
            Some((oid, self.relations.get(&oid)?))
        })
    }
}
