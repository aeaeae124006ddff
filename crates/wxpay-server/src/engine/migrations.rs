//! The migrations of every engine: embedded texts, forward only; and the rule by which two versions of the server share a
//! ledger.
//!
//! A server is upgraded process by process, so that a change of the schema takes several migrations:
//! 1. *Expand*: adds tables, indexes, and columns that are null or have a default. Programs that do not know them go on:
//!    every statement names its columns. A backfill of old rows belongs to it, too.
//! 2. *Contract*: removes or restricts what no program needs any longer that knows the expanded schema. It names the
//!    oldest version of the schema that a program must know to go on.
//!
//! The ledger stores the latter beside its version. A program runs if it knows at least that version, however new the
//! schema is otherwise. A contraction waits until no process lives that it would break.

use super::LedgerError;

/// The migrations of this program.
pub(super) const MIGRATIONS: Migrations = Migrations(&[Migration::expand(include_str!("schema.sql"))]);

/// Migrations, from version 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migrations(pub(super) &'static [Migration]);

/// A migration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    /// The text for PostgreSQL. Each engine rewrites it.
    text: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Expand,
    Contract {
        /// The oldest version of the schema that a program must know to go on.
        min_version: i64,
    },
}

/// The schema of a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The version; 0 without a schema.
    pub(crate) version: i64,
    /// The oldest version that a program must know to use it.
    pub(crate) min_version: i64,
}

/// A migration to carry out, and the schema afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) text: &'static str,
    pub(super) schema: Schema,
}

impl Migration {
    pub(super) const fn expand(text: &'static str) -> Self {
        Self { text, kind: Kind::Expand }
    }

    #[cfg_attr(not(test), expect(dead_code, reason = "the first contraction follows the first release"))]
    pub(super) const fn contract(text: &'static str, min_version: i64) -> Self {
        Self { text, kind: Kind::Contract { min_version } }
    }
}

/// Returns the newest version of the schema.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.newest()
}

impl Migrations {
    /// Returns the newest version of the schema.
    pub(super) fn newest(self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    /// Returns the migrations that a schema lacks. `oldest_live`: the oldest schema that a live process knows, if there is
    /// one. A contraction that would break it is left out, together with those after it.
    ///
    /// # Errors
    ///
    /// If the schema requires a newer program; or if this program needs what follows a contraction that has to wait.
    pub(super) fn missing(self, found: Schema, oldest_live: Option<i64>) -> Result<Vec<Step>, LedgerError> {
        let known = self.newest();
        if found.min_version > known {
            return Err(LedgerError::NewerSchema { required: found.min_version, known });
        }
        let mut steps = Vec::new();
        let mut min_version = found.min_version.max(1);
        let mut waits_for = None;
        for (version, migration) in (1_i64..).zip(self.0).filter(|(version, _)| *version > found.version) {
            match (migration.kind, waits_for) {
                (Kind::Expand, None) => {}
                (Kind::Expand, Some(required)) => {
                    return Err(LedgerError::OlderProcess {
                        required,
                        known: oldest_live.unwrap_or_default(),
                    });
                }
                (Kind::Contract { min_version: required }, _) => {
                    min_version = min_version.max(required);
                    if oldest_live.is_some_and(|oldest| oldest < min_version) {
                        waits_for = Some(min_version);
                    }
                }
            }
            if waits_for.is_none() {
                steps.push(Step { text: migration.text, schema: Schema { version, min_version } });
            }
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Migrations = Migrations(&[Migration::expand("1")]);
    const EXPANDED: Migrations = Migrations(&[Migration::expand("1"), Migration::expand("2")]);
    const CONTRACTED: Migrations =
        Migrations(&[Migration::expand("1"), Migration::expand("2"), Migration::contract("3", 2)]);
    const EXPANDED_AGAIN: Migrations = Migrations(&[
        Migration::expand("1"),
        Migration::expand("2"),
        Migration::contract("3", 2),
        Migration::expand("4"),
    ]);

    fn steps(migrations: Migrations, found: (i64, i64), live: Option<i64>) -> Vec<(&'static str, i64, i64)> {
        let found = Schema { version: found.0, min_version: found.1 };
        let steps = migrations.missing(found, live).unwrap().into_iter();
        steps.map(|step| (step.text, step.schema.version, step.schema.min_version)).collect()
    }

    #[test]
    fn an_expansion_admits_programs_of_before_and_a_contraction_does_not() {
        assert_eq!(steps(CONTRACTED, (0, 0), None), [("1", 1, 1), ("2", 2, 1), ("3", 3, 2)]);
        assert_eq!(steps(EXPANDED, (1, 1), Some(1)), [("2", 2, 1)]);
        // The schema is newer than these programs.
        assert_eq!(steps(EXPANDED, (3, 2), Some(2)), []);
        assert_eq!(steps(OLD, (2, 1), Some(2)), []);
        let refused = OLD.missing(Schema { version: 3, min_version: 2 }, None);
        assert!(matches!(refused, Err(LedgerError::NewerSchema { required: 2, known: 1 })), "{refused:?}");
    }

    #[test]
    fn a_contraction_waits_for_processes_that_it_would_break() {
        assert_eq!(steps(CONTRACTED, (1, 1), Some(1)), [("2", 2, 1)]);
        assert_eq!(steps(CONTRACTED, (2, 1), Some(1)), []);
        assert_eq!(steps(CONTRACTED, (2, 1), Some(2)), [("3", 3, 2)]);
        assert_eq!(steps(EXPANDED_AGAIN, (2, 1), Some(2)), [("3", 3, 2), ("4", 4, 2)]);
        let refused = EXPANDED_AGAIN.missing(Schema { version: 2, min_version: 1 }, Some(1));
        assert!(matches!(refused, Err(LedgerError::OlderProcess { required: 2, known: 1 })), "{refused:?}");
    }
}
