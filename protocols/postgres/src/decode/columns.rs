//! Which relations a column as written may belong to, and the note that it stands at its place.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::{NodeEnum, protobuf};

use super::walk::{Source, Walk, names, offset};
use crate::lineage::{ColumnUse, Named, Place, Use};

impl Walk {
    /// Notes a use of whole rows of these relations.
    pub(super) fn whole(&mut self, relations: Vec<usize>, reason: Use, at: i32) {
        self.mention(Named::Row, Place::Other(reason), vec![relations], at);
    }

    pub(super) fn mention(
        &mut self,
        named: Named,
        place: Place,
        candidates: Vec<Vec<usize>>,
        at: i32,
    ) {
        self.step(candidates.iter().map(Vec::len).sum());
        if self.refused.is_none() && candidates.iter().any(|level| !level.is_empty()) {
            self.reads.uses.push(ColumnUse {
                named,
                place,
                candidates,
                at: offset(at),
            });
        }
    }

    /// A column as written, at a place.
    pub(super) fn column(&mut self, column: &protobuf::ColumnRef, place: Place) {
        let (path, star) = column_path(column);
        let at = column.location;
        self.step(self.levels.iter().map(Vec::len).sum());
        if let [_, .., field] = path.as_slice() {
            self.fields.insert((*field).to_owned());
        }
        match (path.as_slice(), star) {
            ([], true) => {
                let here = self
                    .levels
                    .last()
                    .map(|level| relations_of(level))
                    .unwrap_or_default();
                self.mention(Named::Star, place, vec![here], at);
            }
            ([], false) => self.opaque(),
            ([qualifier @ .., name], true) => {
                let candidates = self.qualified(qualifier, name);
                self.mention(Named::Star, place, candidates, at);
            }
            ([name], false) => self.unqualified(name, place, at),
            ([qualifier @ .., name], false) => {
                let candidates = self.by_path(qualifier);
                let named = Named::Column {
                    name: (*name).to_owned(),
                    qualified: true,
                };
                self.mention(named, place, candidates, at);
                // `a.b` may also be field `b` of a column `a`, and `a` a column that is governed as a whole
                if let [single] = qualifier {
                    let named = Named::Column {
                        name: (*single).to_owned(),
                        qualified: false,
                    };
                    if !self
                        .levels
                        .iter()
                        .flatten()
                        .any(|source| source.name == **single)
                    {
                        let levels = self.in_sight();
                        self.mention(named, Place::Other(Use::Operator), levels, at);
                    }
                }
            }
        }
    }

    fn unqualified(&mut self, name: &str, place: Place, at: i32) {
        let levels = self.in_sight();
        let named = Named::Column {
            name: name.to_owned(),
            qualified: false,
        };
        self.mention(named, place, levels, at);
        // the name of a source is its row, unless some column has that name
        let rows: Vec<usize> = self
            .levels
            .iter()
            .flatten()
            .filter(|source| source.name == name)
            .flat_map(|source| source.relations.iter().copied())
            .collect();
        if !rows.is_empty() {
            self.whole(rows, Use::WholeRow, at);
        }
    }

    fn by_path(&self, path: &[&str]) -> Vec<Vec<usize>> {
        match path {
            [] => self.in_sight(),
            [qualifier @ .., name] => self.qualified(qualifier, name),
        }
    }

    /// Relations behind the name of a source; where it names none in sight, all of them.
    fn qualified(&self, qualifier: &[&str], name: &str) -> Vec<Vec<usize>> {
        let schema = qualifier.last().copied();
        let found = self.levels.iter().rev().find_map(|level| {
            let matching: Vec<&Source> = level
                .iter()
                .filter(|source| {
                    source.name == name && (schema.is_none() || source.schema.as_deref() == schema)
                })
                .collect();
            (!matching.is_empty()).then(|| {
                matching
                    .iter()
                    .flat_map(|source| source.relations.iter().copied())
                    .collect::<Vec<_>>()
            })
        });
        match found {
            Some(relations) => vec![relations],
            // a schema left out on one side only, or nothing by that name: any may be meant
            None => vec![
                self.levels
                    .iter()
                    .flatten()
                    .flat_map(|source| source.relations.iter().copied())
                    .collect(),
            ],
        }
    }

    /// Gives every relation read the columns that were named of it.
    pub(super) fn name_columns(&mut self) {
        let mut columns: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for found in &self.reads.uses {
            let name = match &found.named {
                Named::Column { name, .. } => name,
                Named::Star | Named::Row => "*",
            };
            for read in found.candidates.iter().flatten() {
                columns.entry(*read).or_default().insert(name);
            }
        }
        for part in &mut self.parts {
            if let Some(named) = part.read.and_then(|read| columns.get(&read)) {
                part.facts
                    .columns
                    .extend(named.iter().map(|name| (*name).to_owned()));
            }
        }
    }

    /// Relations of each level in sight, innermost first.
    pub(super) fn in_sight(&self) -> Vec<Vec<usize>> {
        self.levels
            .iter()
            .rev()
            .map(|level| relations_of(level))
            .collect()
    }
}

fn relations_of(level: &[Source]) -> Vec<usize> {
    let mut relations: Vec<usize> = level
        .iter()
        .flat_map(|source| source.relations.iter().copied())
        .collect();
    relations.sort_unstable();
    relations.dedup();
    relations
}

/// The names of a column reference, and whether it ends in `*`.
pub(super) fn column_path(column: &protobuf::ColumnRef) -> (Vec<&str>, bool) {
    let star = column
        .fields
        .iter()
        .any(|field| matches!(field.node, Some(NodeEnum::AStar(_))));
    (names(&column.fields), star)
}
