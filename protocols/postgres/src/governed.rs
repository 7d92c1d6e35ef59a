//! Which columns of a database are governed for a session: its catalogue, read once and shared, against the data classes.

mod catalogue;

use std::collections::HashMap;
use std::sync::Arc;

use gate::{Column, Mask};

use crate::decode::RelationName;
use crate::lineage::Standing;
use catalogue::Relation;
pub(crate) use catalogue::{Catalogue, Catalogues, FRESH, QUERY};

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
        for (oid, generated, from) in &catalogue.generated {
            let classes = relations.get_mut(oid);
            if let Some(classes) = classes
                && let Some(class) = classes.columns.get(from).cloned()
            {
                classes.columns.entry(*generated).or_insert(class);
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
