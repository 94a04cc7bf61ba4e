//! **Here**: globs with `*` and `?`: whether one matches a text, and whether two can match the same text. Pure.
//! **Not here**: what they are applied to (`matcher`).
//! **Reads**: nothing; `matcher` uses it.
//! **Source**: our own.

use std::fmt;

/// A pattern in which `*` stands for any text and `?` for any one character; letters are compared exactly.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Glob(Vec<char>);

impl Glob {
    pub(super) fn new(pattern: &str) -> Self {
        let mut chars: Vec<char> = pattern.chars().collect();
        chars.dedup_by(|a, b| *a == '*' && *b == '*');
        Self(chars)
    }

    /// Whether it matches the whole text. Linear in the product of the lengths at worst; nothing is allocated.
    pub(super) fn matches(&self, text: &str) -> bool {
        // Where in both to go on when what follows the last star does not fit: the star then takes one character more.
        let mut star: Option<(usize, std::str::Chars<'_>)> = None;
        let (mut at, mut rest) = (0_usize, text.chars());
        loop {
            let before = rest.clone();
            let fits = match (self.0.get(at), rest.next()) {
                (Some('*'), _) => {
                    if at + 1 == self.0.len() {
                        return true;
                    }
                    rest = before.clone();
                    star = Some((at + 1, before));
                    true
                }
                (Some('?'), Some(_)) => true,
                (Some(wanted), Some(found)) => *wanted == found,
                (None, None) => return true,
                _ => false,
            };
            if fits {
                at += 1;
                continue;
            }
            let Some((behind, from)) = &mut star else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            (at, rest) = (*behind, from.clone());
        }
    }

    /// Whether some text is matched by both.
    pub(super) fn may_overlap(&self, other: &Self) -> bool {
        // States are pairs of positions; from each, either side may take its star for nothing, or both read a character.
        let (a, b) = (&self.0, &other.0);
        let mut seen = std::collections::BTreeSet::new();
        let mut todo = vec![(0_usize, 0_usize)];
        while let Some((i, j)) = todo.pop() {
            if !seen.insert((i, j)) {
                continue;
            }
            let (x, y) = (a.get(i), b.get(j));
            match (x, y) {
                (None, None) => return true,
                (Some('*'), _) => {
                    todo.push((i + 1, j));
                    if y.is_some() {
                        todo.push((i, j + 1));
                    }
                }
                (_, Some('*')) => {
                    todo.push((i, j + 1));
                    if x.is_some() {
                        todo.push((i + 1, j));
                    }
                }
                (Some(x), Some(y)) if x == y || *x == '?' || *y == '?' => todo.push((i + 1, j + 1)),
                _ => {}
            }
        }
        false
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|c| write!(f, "{c}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_matches() {
        let check = |pattern: &str, text: &str, expect| {
            assert_eq!(Glob::new(pattern).matches(text), expect, "{pattern} {text}");
        };
        check("*", "", true);
        check("*", "credit-risk", true);
        check("credit-*", "credit-risk", true);
        check("credit-*", "Credit-risk", false);
        check("*-risk", "credit-risk", true);
        check("*-risk", "credit-risks", false);
        check("c?edit-**", "credit-", true);
        check("", "", true);
        check("", "a", false);
        check("a*b*c", "aXbXbXc", true);
        check("ü?", "üß", true);
        check(&"*a".repeat(30), &"a".repeat(200), true);
        check(&"*a".repeat(60), &"b".repeat(200), false);
    }

    #[test]
    fn ok_overlaps() {
        let check = |a: &str, b: &str, expect| {
            assert_eq!(Glob::new(a).may_overlap(&Glob::new(b)), expect, "{a} {b}");
            assert_eq!(Glob::new(b).may_overlap(&Glob::new(a)), expect, "{b} {a}");
        };
        check("*", "a", true);
        check("a*", "*b", true);
        check("a*", "b*", false);
        check("credit-?", "credit-risk", false);
        check("credit-????", "credit-risk", true);
        check("*-eu", "*-us", false);
        check("a*c", "ab*", true);
        check("", "*", true);
        check("", "?", false);
    }
}
