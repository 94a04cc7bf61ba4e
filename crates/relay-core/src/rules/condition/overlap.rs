//! **Here**: whether two conditions can surely not hold for one event. Pure.
//! **Not here**: the other keys of a route (`matcher`).
//! **Reads**: `condition`; `matcher` asks for two routes, `load` for the conditions of one.
//! **Source**: DESIGN section 6: overlap is refused, so that "no" has to be proved, and "yes" is the answer wherever it is not.

use super::operator::{Operator, Range, Test};
use super::{Condition, FieldTest};
use crate::rules::view::Found;

/// Whether no event can meet both. No is no proof of the contrary.
pub(in crate::rules) fn disjoint(a: &Condition, b: &Condition) -> bool {
    match (a, b) {
        (Condition::Not(inner), other) | (other, Condition::Not(inner)) if **inner == *other => true,
        (Condition::Any(inner), other) | (other, Condition::Any(inner)) => {
            inner.iter().all(|one| disjoint(one, other))
        }
        (Condition::All(inner), other) | (other, Condition::All(inner)) => {
            inner.iter().any(|one| disjoint(one, other))
        }
        (Condition::Models(a), Condition::Models(b)) => {
            !a.iter().any(|one| b.iter().any(|other| one.may_overlap(other)))
        }
        (Condition::Workspaces(a), Condition::Workspaces(b)) => {
            !a.iter().any(|one| b.iter().any(|other| one.may_be(other)))
        }
        _ => match (simple(a), simple(b)) {
            (Some(a), Some(b)) => excludes(a, b) || excludes(b, a) || apart(a, b),
            _ => false,
        },
    }
}

/// A test of a field, or its negation.
#[derive(Clone, Copy)]
struct Simple<'c> {
    test: &'c FieldTest,
    negated: bool,
}

fn simple(condition: &Condition) -> Option<Simple<'_>> {
    let (condition, negated) = match condition {
        Condition::Not(inner) => (&**inner, true),
        other => (other, false),
    };
    match condition {
        Condition::Field(test) => Some(Simple { test, negated }),
        _ => None,
    }
}

/// Whether everything that `a` lets through can be listed, and `b` lets none of it through.
///
/// Sound since a test of a kind sees nothing of a value but its folded text, its number or its truth: what holds for the listed
/// one holds for each value that looks like it.
fn excludes(a: Simple<'_>, b: Simple<'_>) -> bool {
    let (one, other) = (a.test, b.test);
    if a.negated || !one.field.is_same(&other.field) || one.arrays || other.arrays {
        return false;
    }
    let lets = |holds: bool| holds != b.negated;
    match (&one.test, one.operator, &other.test) {
        (Test::Texts(_, texts), Operator::StringIn, Test::Texts(..)) => !texts
            .iter()
            .any(|text| lets(other.test.holds_text(other.operator, text))),
        (Test::Ranges(ranges), Operator::NumberIn, Test::Ranges(_)) => !ranges
            .iter()
            .any(|range| lets(other.test.holds_number(other.operator, range.from))),
        (Test::Bool(flag), _, Test::Bool(_)) => {
            let value = Found::Made((*flag).into());
            !lets(other.test.holds(other.operator, false, Some(&value)))
        }
        // What is null, or not there, is one to every test.
        (Test::Null, Operator::IsNullOrUndefined, _) => !lets(other.test.holds(other.operator, false, None)),
        _ => false,
    }
}

/// Whether two tests of one kind, each of which something has to fit, leave nothing between them.
fn apart(a: Simple<'_>, b: Simple<'_>) -> bool {
    let (one, other) = (a.test, b.test);
    let fitting =
        |simple: Simple<'_>| !simple.negated && !simple.test.operator.is_negation() && !simple.test.arrays;
    if !fitting(a) || !fitting(b) || !one.field.is_same(&other.field) {
        return false;
    }
    match (&one.test, &other.test) {
        (Test::Ranges(a), Test::Ranges(b)) => !a.iter().any(|one| b.iter().any(|other| meet(*one, *other))),
        (Test::Texts(how, a), Test::Texts(other, b)) if how == other => {
            let may = |a: &String, b: &String| match how {
                super::operator::How::Begins => a.starts_with(b.as_str()) || b.starts_with(a.as_str()),
                super::operator::How::Ends => a.ends_with(b.as_str()) || b.ends_with(a.as_str()),
                super::operator::How::Is => a == b,
                super::operator::How::Contains => true,
            };
            !a.iter().any(|one| b.iter().any(|other| may(one, other)))
        }
        _ => false,
    }
}

/// Whether a number can be in both.
fn meet(a: Range, b: Range) -> bool {
    let (from, to) = (a.from.max(b.from), a.to.min(b.to));
    // At a single point both must have it; between two different ends there always is one.
    from < to || from == to && a.has(from) && b.has(from)
}
