//! Which columns of a database are governed for a session: its catalogue, read once and shared, against the data classes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gate::{Column, Mask};
use tokio::time::Instant;

use crate::decode::RelationName;
use crate::lineage::Standing;

/// Relations with their columns (`c`), what views rest on (`v`), and what tables inherit from (`i`).
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
SELECT 'i', inhrelid::pg_catalog.text, '', '', '0', inhparent::pg_catalog.text FROM pg_catalog.pg_inherits";

/// How long a catalogue serves new sessions; a DDL statement that passes voids it at once.
const FRESH: Duration = Duration::from_secs(60);
/// Rows of a catalogue; a larger database is treated as unknown, and so as governed whole.
const ROWS: usize = 2_000_000;

/// What a database holds, free of policy.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    relations: HashMap<u32, Relation>,
    by_name: HashMap<String, HashMap<String, u32>>,
    /// (relation, what it rests on, column there or 0 for all of it)
    rests_on: Vec<(u32, u32, i16)>,
    inherits: Vec<(u32, u32)>,
}

#[derive(Debug, Default)]
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
        kept.insert(
            key,
            Kept {
                catalogue,
                at: Instant::now(),
            },
        );
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
                "i" => catalogue.inherits.push((relation, text(5)?.parse().ok()?)),
                _ => return None,
            }
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

    fn find(&self, name: &RelationName, search_path: &[String]) -> Option<u32> {
        let within = |schema: &str| self.by_name.get(schema)?.get(&name.name).copied();
        match &name.schema {
            Some(schema) => within(schema),
            None => search_path.iter().find_map(|schema| within(schema)),
        }
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
}

/// What is known of a column of a result by where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Class(String),
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
            for (number, class) in self.inherited(catalogue, *child, *parent) {
                let classes = self.relations.entry(*child).or_default();
                more |= classes.columns.insert(number, class).is_none();
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

    fn inherited(&self, catalogue: &Catalogue, child: u32, parent: u32) -> Vec<(i16, String)> {
        let known = |oid| {
            catalogue
                .relations
                .get(&oid)
                .map(|relation| &relation.columns)
        };
        let (Some(classes), Some(above), Some(below)) =
            (self.relations.get(&parent), known(parent), known(child))
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
                    .get(&child)
                    .is_some_and(|own| own.columns.contains_key(number))
            })
            .collect()
    }

    pub(crate) fn standing(&self, name: &RelationName, column: &str, path: &[String]) -> Standing {
        let Some((oid, relation)) = self.relation(name, path) else {
            return Standing::Governed;
        };
        let Some((number, _)) = relation.columns.iter().find(|(_, known)| known == column) else {
            return Standing::Absent;
        };
        match self.relations.get(&oid) {
            Some(classes) if classes.all.is_some() || classes.columns.contains_key(number) => {
                Standing::Governed
            }
            Some(_) | None => Standing::Free,
        }
    }

    /// Whether a relation as written has any governed column; one that is not known counts as such.
    pub(crate) fn holds(&self, name: &RelationName, path: &[String]) -> bool {
        match self.relation(name, path) {
            Some((oid, _)) => self.relations.contains_key(&oid),
            None => true,
        }
    }

    pub(crate) fn knows(&self, name: &RelationName, path: &[String]) -> bool {
        self.relation(name, path).is_some()
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
        let class = self.relations.get(&table).and_then(|classes| {
            classes
                .all
                .as_ref()
                .or_else(|| classes.columns.get(&attribute))
                .cloned()
        });
        class.map_or(Origin::Free, Origin::Class)
    }

    fn relation(&self, name: &RelationName, path: &[String]) -> Option<(u32, &Relation)> {
        let catalogue = self.catalogue.as_ref()?;
        let oid = catalogue.find(name, path)?;
        Some((oid, catalogue.relations.get(&oid)?))
    }
}
