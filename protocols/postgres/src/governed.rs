//! Which columns of a database are governed for a session: its catalogue, read once and shared, against the data classes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gate::{Column, Mask};
use tokio::time::Instant;

use crate::decode::RelationName;
use crate::lineage::Standing;

/// Relations with their columns (`c`), what views rest on (`v`), which of them rest on functions or operators that are not
/// the server's own (`f`: what those read is not known), and what tables inherit from (`i`).
pub(crate) const QUERY: &str = "\
SELECT 'c', a.attrelid::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, \
       a.attnum::pg_catalog.text, a.attname::pg_catalog.text \
FROM pg_catalog.pg_attribute a \
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid \
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,m,f,p}') \
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
SELECT 'i', inhrelid::pg_catalog.text, '', '', '0', inhparent::pg_catalog.text FROM pg_catalog.pg_inherits";

/// How long a catalogue serves new sessions; a DDL statement that passes voids it at once.
pub(crate) const FRESH: Duration = Duration::from_secs(60);
/// Rows of a catalogue; a larger database is treated as unknown, and so as governed whole.
const ROWS: usize = 2_000_000;

/// What a database holds, free of policy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Catalogue {
    relations: HashMap<u32, Relation>,
    by_name: HashMap<String, HashMap<String, u32>>,
    /// (relation, what it rests on, column there or 0 for all of it)
    rests_on: Vec<(u32, u32, i16)>,
    inherits: Vec<(u32, u32)>,
    /// Views over functions.
    opaque: Vec<u32>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Relation {
    schema: String,
    name: String,
    columns: Vec<(i16, String)>,
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
        for row in rows {
            let text = |place: usize| std::str::from_utf8(row.get(place)?.as_deref()?).ok();
            let relation: u32 = text(1)?.parse().ok()?;
            let number: i16 = text(4)?.parse().ok()?;
            match text(0)? {
                "c" => catalogue.column(relation, number, [text(2)?, text(3)?, text(5)?]),
                "v" => catalogue
                    .rests_on
                    .push((relation, text(5)?.parse().ok()?, number)),
                "f" => catalogue.opaque.push(relation),
                "i" => catalogue.inherits.push((relation, text(5)?.parse().ok()?)),
                _ => return None,
            }
        }
        // equal catalogues are told apart from changed ones, in whatever order they came
        catalogue.rests_on.sort_unstable();
        catalogue.inherits.sort_unstable();
        catalogue.opaque.sort_unstable();
        for relation in catalogue.relations.values_mut() {
            relation.columns.sort_unstable();
        }
        Some(catalogue)
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
    fn candidates<'c>(
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

/// The governed columns of one database for one session.
pub(crate) struct Governed {
    /// `None` until the catalogue was read: everything is governed then.
    catalogue: Option<Arc<Catalogue>>,
    relations: HashMap<u32, Classes>,
}

#[derive(Default)]
struct Classes {
    columns: HashMap<i16, String>,
    /// A view over a governed column: any of its columns may show it.
    all: Option<String>,
    /// A view over a function: any of its columns may show anything.
    opaque: bool,
}

impl Classes {
    fn covers(&self, number: i16) -> bool {
        self.opaque || self.all.is_some() || self.columns.contains_key(&number)
    }
}

/// What is known of a column of a result by where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Class(String),
    /// It may show anything.
    Opaque,
    Free,
    /// Not in the catalogue as it was read: governed.
    Unknown,
}

impl Governed {
    pub(crate) fn unknown() -> Self {
        Self {
            catalogue: None,
            relations: HashMap::new(),
        }
    }

    pub(crate) fn new(catalogue: Arc<Catalogue>, mask: &Mask, database: &str) -> Self {
        let mut relations: HashMap<u32, Classes> = HashMap::new();
        for (oid, relation) in &catalogue.relations {
            for (number, column) in &relation.columns {
                let (schema, table) = (relation.schema.as_str(), relation.name.as_str());
                let path = Column {
                    database,
                    schema,
                    table,
                    column,
                };
                if let Some(class) = mask.class_of_column(path) {
                    let classes = relations.entry(*oid).or_default();
                    classes.columns.insert(*number, class.name.clone());
                }
            }
        }
        if mask.governs_columns() {
            for view in &catalogue.opaque {
                relations.entry(*view).or_default().opaque = true;
            }
        }
        let mut governed = Self {
            catalogue: Some(catalogue.clone()),
            relations,
        };
        // each round reaches one level further; there are no more levels than relations
        while governed.spread(&catalogue) {}
        governed
    }

    /// One level of views and of tables that inherit; `true` where anything was added.
    fn spread(&mut self, catalogue: &Catalogue) -> bool {
        let mut more = false;
        for (view, on, column) in &catalogue.rests_on {
            if self.relations.get(on).is_some_and(|below| below.opaque) {
                let classes = self.relations.entry(*view).or_default();
                more |= !std::mem::replace(&mut classes.opaque, true);
            }
            let Some(class) = self.class_through(*on, *column) else {
                continue;
            };
            let classes = self.relations.entry(*view).or_default();
            if classes.all.is_none() {
                classes.all = Some(class);
                more = true;
            }
        }
        for (child, parent) in &catalogue.inherits {
            // and who reads the parent reads the rows of the child
            for (to, from) in [(child, parent), (parent, child)] {
                for (number, class) in self.inherited(catalogue, *to, *from) {
                    let classes = self.relations.entry(*to).or_default();
                    more |= classes.columns.insert(number, class).is_none();
                }
            }
        }
        more
    }

    fn class_through(&self, on: u32, column: i16) -> Option<String> {
        let classes = self.relations.get(&on)?;
        match column {
            0 => classes
                .all
                .clone()
                .or_else(|| classes.columns.values().next().cloned()),
            _ => classes
                .all
                .clone()
                .or_else(|| classes.columns.get(&column).cloned()),
        }
    }

    /// Columns of one that are governed by their name in the other, and are not yet.
    fn inherited(&self, catalogue: &Catalogue, to: u32, from: u32) -> Vec<(i16, String)> {
        let known = |oid| {
            catalogue
                .relations
                .get(&oid)
                .map(|relation| &relation.columns)
        };
        let (Some(classes), Some(above), Some(below)) =
            (self.relations.get(&from), known(from), known(to))
        else {
            return Vec::new();
        };
        let named = above
            .iter()
            .filter_map(|(number, name)| Some((name, classes.columns.get(number)?)));
        let mine = |name: &String| {
            below
                .iter()
                .find(|(_, own)| own == name)
                .map(|(number, _)| *number)
        };
        named
            .filter_map(|(name, class)| Some((mine(name)?, class.clone())))
            .filter(|(number, _)| {
                !self
                    .relations
                    .get(&to)
                    .is_some_and(|own| own.columns.contains_key(number))
            })
            .collect()
    }

    /// The strictest of what a name may mean.
    pub(crate) fn standing(&self, name: &RelationName, column: &str, path: &[String]) -> Standing {
        let mut standing = None;
        for (oid, relation) in self.candidates(name, path) {
            let number = relation.columns.iter().find(|(_, known)| known == column);
            let here = match number {
                None => Standing::Absent,
                Some((number, _)) if self.covers(oid, *number) => return Standing::Governed,
                Some(_) => Standing::Free,
            };
            standing = Some(match standing {
                Some(before) if before != here => Standing::Doubtful,
                _ => here,
            });
        }
        standing.unwrap_or(Standing::Governed)
    }

    fn covers(&self, oid: u32, number: i16) -> bool {
        let classes = self.relations.get(&oid);
        classes.is_some_and(|classes| classes.covers(number))
    }

    /// Whether a relation as written has any governed column; one that is not known counts as such.
    pub(crate) fn holds(&self, name: &RelationName, path: &[String]) -> bool {
        let mut candidates = self.candidates(name, path).peekable();
        candidates.peek().is_none() || candidates.any(|(oid, _)| self.relations.contains_key(&oid))
    }

    /// Whether a name may mean a relation with governed columns and another one as well.
    pub(crate) fn shadows(&self, name: &RelationName, path: &[String]) -> bool {
        self.candidates(name, path).count() > 1 && self.holds(name, path)
    }

    /// Whether a schema holds a relation with governed columns.
    pub(crate) fn within(&self, schema: &str) -> bool {
        let Some(catalogue) = &self.catalogue else {
            return true;
        };
        let mut oids = catalogue
            .by_name
            .get(schema)
            .into_iter()
            .flat_map(HashMap::values);
        oids.any(|oid| self.relations.contains_key(oid))
    }

    pub(crate) fn knows(&self, name: &RelationName, path: &[String]) -> bool {
        self.candidates(name, path).next().is_some()
    }

    fn candidates<'c>(
        &'c self,
        name: &'c RelationName,
        path: &'c [String],
    ) -> impl Iterator<Item = (u32, &'c Relation)> {
        let catalogue = self.catalogue.as_ref().into_iter();
        catalogue.flat_map(move |catalogue| catalogue.candidates(name, path))
    }

    /// Where a column of a result comes from, by the oid and number that its description names.
    pub(crate) fn origin(&self, table: u32, attribute: i16) -> Origin {
        // a column that was added since is not known; system columns have numbers below zero
        let relation = self
            .catalogue
            .as_ref()
            .and_then(|all| all.relations.get(&table));
        let known = relation.is_some_and(|relation| {
            attribute < 0
                || relation
                    .columns
                    .iter()
                    .any(|(number, _)| *number == attribute)
        });
        if !known {
            return Origin::Unknown;
        }
        let Some(classes) = self.relations.get(&table) else {
            return Origin::Free;
        };
        let class = classes.columns.get(&attribute).or(classes.all.as_ref());
        match class {
            Some(class) => Origin::Class(class.clone()),
            None if classes.opaque => Origin::Opaque,
            None => Origin::Free,
        }
    }
}
