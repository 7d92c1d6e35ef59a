//! What a statement reads, and where columns stand in it: the ground for refusing a use that a mask could not follow.

use crate::decode::RelationName;

/// Where a column stands when it is neither plain output nor compared with a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// Cast to a type, or given a collation.
    Cast,
    /// An argument of a function, aggregate, or of an expression that works like one (CASE, COALESCE, ARRAY, ROW).
    Function,
    /// An operand of an operator other than `=` with a constant.
    Operator,
    Order,
    Group,
    Distinct,
    Window,
    /// The row as a whole: `SELECT t`, `t::text`, `row(t.*)`, `(t).column`.
    WholeRow,
    /// Output of a sub-select, a common table expression or a lateral item.
    SubSelect,
    /// Output of an arm of UNION, INTERSECT or EXCEPT.
    SetOperation,
    Join,
    /// Written to a relation: INSERT ... SELECT, UPDATE ... SET, CREATE TABLE AS, a view.
    Stored,
    Copied,
    Cursor,
    /// Named by an index, a constraint, a trigger, a policy or statistics.
    Definition,
    /// Renamed, so that a rule by name would no longer find it.
    Renamed,
    /// A condition of its own, `IS NULL`, a limit.
    Condition,
}

impl Use {
    /// The use in words that complete "the column may not be ...".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cast => "cast",
            Self::Function => "passed to a function",
            Self::Operator => "an operand",
            Self::Order => "ordered by",
            Self::Group => "grouped by",
            Self::Distinct => "made distinct",
            Self::Window => "used in a window",
            Self::WholeRow => "read as part of a whole row",
            Self::SubSelect => "output of a sub-select",
            Self::SetOperation => "output of a set operation",
            Self::Join => "joined by",
            Self::Stored => "stored elsewhere",
            Self::Copied => "copied out",
            Self::Cursor => "read through a cursor",
            Self::Definition => "named in a definition",
            Self::Renamed => "renamed",
            Self::Condition => "a condition",
        }
    }
}

/// Where a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Plain output of the outermost SELECT or of RETURNING, at this position of the target list (from 0).
    Output(u32),
    /// One side of `=` whose other side is a constant or a parameter.
    EqualsConstant,
    Other(Use),
}

/// What is named at a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    /// One column by name. `qualified`: written with its relation, so that a name that is no column is a function.
    Column { name: String, qualified: bool },
    /// `*` or `t.*`: every column of the candidates.
    Star,
    /// The row itself, or the relation under other names.
    Row,
}

/// One mention of a column or row of the relations read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnUse {
    pub named: Named,
    pub place: Place,
    /// Relations that it may belong to, innermost level first; indexes into [`ReadShape::relations`].
    pub candidates: Vec<Vec<usize>>,
    /// Where it is written, in bytes of the text.
    pub at: u32,
}

/// What a statement reads and where columns stand in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ReadShape {
    /// Relations as written, each once an occurrence; names of common table expressions are not among them.
    pub relations: Vec<RelationName>,
    pub uses: Vec<ColumnUse>,
    /// Functions, operators and types called that are not known to be harmless, as written: they may read anything.
    pub other_functions: Vec<String>,
}

/// What the caller knows of a column after looking into the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Covered by a data class that may not be shown.
    Governed,
    /// A column that is not governed.
    Free,
    /// The relation has no such column.
    Absent,
    /// The name may mean several relations, of which some have such a column; none of those is governed.
    Doubtful,
}

/// A use that no mask can follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffendingUse {
    pub relation: RelationName,
    /// The column by name; none for a whole row or `*`.
    pub column: Option<String>,
    pub reason: Use,
    pub at: u32,
}

impl ReadShape {
    /// The first use of a governed column that is neither plain output nor compared with a constant.
    ///
    /// `standing` answers for a relation as written and one of its columns; `holds_governed` whether a relation has
    /// any governed column (a view or function over one, and whatever could not be looked up, counts as such). For a
    /// name without a relation the innermost level where some relation has the column decides, as in the server;
    /// a written relation that lacks the column means a function call on its row.
    pub fn offending_use(
        &self,
        standing: &dyn Fn(&RelationName, &str) -> Standing,
        holds_governed: &dyn Fn(&RelationName) -> bool,
    ) -> Option<OffendingUse> {
        self.uses
            .iter()
            .find_map(|found| self.offence(found, standing, holds_governed))
    }

    fn offence(
        &self,
        found: &ColumnUse,
        standing: &dyn Fn(&RelationName, &str) -> Standing,
        holds_governed: &dyn Fn(&RelationName) -> bool,
    ) -> Option<OffendingUse> {
        let reason = match found.place {
            Place::Other(reason) => Some(reason),
            Place::Output(_) | Place::EqualsConstant => None,
        };
        let offence = |relation: &RelationName, column: Option<&str>, reason| OffendingUse {
            relation: relation.clone(),
            column: column.map(str::to_owned),
            reason,
            at: found.at,
        };
        for level in &found.candidates {
            let relations = level.iter().filter_map(|index| self.relations.get(*index));
            match &found.named {
                Named::Star | Named::Row => {
                    let reason = match (&found.named, reason) {
                        (Named::Row, None) => Use::WholeRow,
                        (_, Some(reason)) => reason,
                        (_, None) => continue,
                    };
                    if let Some(relation) = relations
                        .into_iter()
                        .find(|relation| holds_governed(relation))
                    {
                        return Some(offence(relation, None, reason));
                    }
                }
                Named::Column { name, qualified } => {
                    let mut here = false;
                    for relation in relations {
                        match standing(relation, name) {
                            Standing::Governed => {
                                if let Some(reason) = reason {
                                    return Some(offence(relation, Some(name), reason));
                                }
                                here = true;
                            }
                            Standing::Free => here = true,
                            Standing::Absent | Standing::Doubtful
                                if *qualified
                                    && !is_system_column(name)
                                    && holds_governed(relation) =>
                            {
                                return Some(offence(relation, None, Use::WholeRow));
                            }
                            // it may belong to a level further out
                            Standing::Absent | Standing::Doubtful => {}
                        }
                    }
                    if here {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// Whether any relation read holds a governed column.
    pub fn reads(&self, holds_governed: &dyn Fn(&RelationName) -> bool) -> bool {
        self.relations.iter().any(holds_governed)
    }
}

/// Columns that every table has beside those that the catalogue lists with a positive number.
fn is_system_column(name: &str) -> bool {
    matches!(
        name,
        "ctid" | "xmin" | "xmax" | "cmin" | "cmax" | "tableoid"
    )
}
