//! **Here**: [`weave`], which puts every mutant of a file beside the code it changes, so that one program holds them all and is compiled once.
//! **Not here**: the list of mutants, which `cargo mutants --list` makes, and the runs, which `bin/mutants.rs` makes.
//! **Reads**: mutants as that program writes them as JSON, and the text of the files they change.
//! **Source**: "mutant schemata" (Untch, Offutt, Harrold 1993): a compiler is slow beside the few tests that reach one function.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use serde::Deserialize;

/// One change, as `cargo mutants --list --json` tells it.
#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "another program's words")]
pub struct Mutant {
    /// File, place and change, in words.
    pub name: String,
    /// The file, from the root of the workspace.
    pub file: String,
    /// The function it is in; a constant's expression is in none.
    pub function: Option<Function>,
    /// The text that is replaced.
    pub span: Span,
    /// What stands there instead.
    pub replacement: String,
}

impl Mutant {
    /// The file with this change alone.
    #[must_use]
    pub fn apply(&self, text: &str) -> Option<String> {
        let span = bytes(text, &line_starts(text), self.span)?;
        let (head, tail) = (text.get(..span.start)?, text.get(span.end..)?);
        Some([head, &self.replacement, tail].concat())
    }
}

/// The function around a change.
#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "another program's words")]
pub struct Function {
    /// From its attributes to its closing brace.
    pub span: Span,
}

/// A part of a file, without what is at its end.
#[derive(Clone, Copy, Debug, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "another program's words")]
pub struct Span {
    /// Where it begins.
    pub start: Place,
    /// Where it has ended.
    pub end: Place,
}

/// A line and a character of it, both counted from one.
#[derive(Clone, Copy, Debug, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "another program's words")]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Character, not byte.
    pub column: usize,
}

/// The module that the woven crate gains: which mutant is on, and, for a first run, which ones a test comes by.
pub const SWITCH: &str = include_str!("mutants/switch.rs");

/// The file with all of these mutants, each under its number: a function's body becomes a choice between its mutants and what it was.
/// The numbers of those that could not be woven come with it.
#[must_use]
pub fn weave(text: &str, mutants: &[(usize, &Mutant)]) -> (String, Vec<usize>) {
    let lines = line_starts(text);
    let mut bodies: BTreeMap<usize, (Range<usize>, Vec<Change<'_>>)> = BTreeMap::new();
    let mut left = Vec::new();
    for &(number, mutant) in mutants {
        let place = mutant.function.as_ref().and_then(|function| {
            let function = bytes(text, &lines, function.span)?;
            let open = function.start + opening_brace(text.get(function.clone())?)?;
            Some((
                open + 1..function.end.checked_sub(1)?,
                bytes(text, &lines, mutant.span)?,
            ))
        });
        match place {
            Some((body, span)) if body.start <= span.start && span.end <= body.end => {
                let changes = &mut bodies.entry(body.start).or_insert((body, Vec::new())).1;
                changes.push(Change {
                    number,
                    span,
                    replacement: &mutant.replacement,
                });
            }
            _ => left.push(number),
        }
    }
    // A function within another one is changed as a part of it.
    let mut outermost: Vec<(Range<usize>, Vec<Change<'_>>)> = Vec::new();
    for (body, changes) in bodies.into_values() {
        match outermost.last_mut() {
            Some((around, all)) if body.end <= around.end => all.extend(changes),
            _ => outermost.push((body, changes)),
        }
    }
    let (mut woven, mut done) = (String::new(), 0);
    for (body, changes) in outermost {
        woven.push_str(text.get(done..body.start).unwrap_or_default());
        for change in changes {
            let head = text.get(body.start..change.span.start).unwrap_or_default();
            let tail = text.get(change.span.end..body.end).unwrap_or_default();
            let number = change.number;
            let _ = write!(
                woven,
                "\nif crate::woven::on({number}) {{\n{head}{}{tail}\n}} else ",
                change.replacement
            );
        }
        let _ = write!(
            woven,
            "\n{{{AS_IT_WAS}\n{}\n}}",
            text.get(body.clone()).unwrap_or_default()
        );
        done = body.end;
    }
    woven.push_str(text.get(done..).unwrap_or_default());
    (woven, left)
}

/// Which mutant a line of a woven file, counted from one, belongs to.
#[must_use]
pub fn mutant_at(woven: &str, line: usize) -> Option<usize> {
    let before: Vec<&str> = woven.lines().take(line).collect();
    let mark = before
        .iter()
        .rev()
        .find(|line| line.contains(MARK) || line.ends_with(AS_IT_WAS))?;
    mark.split_once(MARK)?.1.split_once(')')?.0.parse().ok()
}

struct Change<'a> {
    number: usize,
    span: Range<usize>,
    replacement: &'a str,
}

const MARK: &str = "if crate::woven::on(";
const AS_IT_WAS: &str = " // as it was";

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect()
}

fn bytes(text: &str, lines: &[usize], span: Span) -> Option<Range<usize>> {
    let at = |place: Place| {
        let start = *lines.get(place.line.checked_sub(1)?)?;
        let line = text.get(start..)?;
        let column = place.column.checked_sub(1)?;
        let within = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        Some(start + within)
    };
    Some(at(span.start)?..at(span.end)?)
}

/// Where a function's body opens: the first brace after the word `fn`, neither of them within a comment or a text.
fn opening_brace(function: &str) -> Option<usize> {
    let (mut rest, mut named) = (function, false);
    loop {
        let at = function.len() - rest.len();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.get(comment.find('\n')?..)?;
        } else if let Some(mut literal) = rest.strip_prefix('"') {
            while !literal.starts_with('"') {
                let skipped = usize::from(literal.starts_with('\\'));
                let mut characters = literal.chars();
                characters.nth(skipped)?;
                literal = characters.as_str();
            }
            rest = literal.strip_prefix('"')?;
        } else if named && rest.starts_with('{') {
            return Some(at);
        } else {
            named |= rest.starts_with("fn ")
                && !function
                    .get(..at)?
                    .ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let mut characters = rest.chars();
            characters.next()?;
            rest = characters.as_str();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "/// Says fn { of \"it\".\n#[must_use]\npub const fn less(a: u8, b: u8) -> bool {\n    a < b\n}\n\nfn two() -> u8 {\n    2\n}\n";

    fn mutant(function: [usize; 4], span: [usize; 4], replacement: &str) -> Mutant {
        let span_of = |[line, column, end, end_column]: [usize; 4]| Span {
            start: Place { line, column },
            end: Place {
                line: end,
                column: end_column,
            },
        };
        Mutant {
            name: String::new(),
            file: String::new(),
            function: Some(Function {
                span: span_of(function),
            }),
            span: span_of(span),
            replacement: replacement.to_owned(),
        }
    }

    #[test]
    fn ok_each_change_is_a_body_of_its_own() {
        let turned = mutant([1, 1, 5, 2], [4, 7, 4, 8], ">");
        let constant = mutant([1, 1, 5, 2], [4, 5, 4, 10], "true");
        let one = mutant([7, 1, 9, 2], [8, 5, 8, 6], "1");
        let (woven, left) = weave(CODE, &[(3, &turned), (4, &constant), (9, &one)]);
        assert!(left.is_empty());
        assert_eq!(
            woven,
            "/// Says fn { of \"it\".\n#[must_use]\npub const fn less(a: u8, b: u8) -> bool {\
             \nif crate::woven::on(3) {\n\n    a > b\n\n} else \
             \nif crate::woven::on(4) {\n\n    true\n\n} else \
             \n{ // as it was\n\n    a < b\n\n}}\n\nfn two() -> u8 {\
             \nif crate::woven::on(9) {\n\n    1\n\n} else \n{ // as it was\n\n    2\n\n}}\n"
        );
        assert_eq!(mutant_at(&woven, 6), Some(3));
        assert_eq!(mutant_at(&woven, 10), Some(4));
        assert_eq!(mutant_at(&woven, 15), None);
        assert_eq!(mutant_at(&woven, 1), None);
    }

    #[test]
    fn ok_a_function_within_another_is_changed_as_a_part_of_it() {
        let code = "fn outer() -> u8 {\n    fn inner() -> u8 {\n        1\n    }\n    inner()\n}\n";
        let within = mutant([2, 5, 4, 6], [3, 9, 3, 10], "0");
        let whole = mutant([1, 1, 6, 2], [2, 5, 5, 12], "7");
        let (woven, left) = weave(code, &[(0, &within), (1, &whole)]);
        assert!(left.is_empty());
        assert_eq!(woven.matches("fn outer").count(), 1);
        assert_eq!(woven.matches("fn inner").count(), 2, "as it was, and with 0");
        assert!(woven.contains("        0\n    }\n    inner()"));
    }

    #[test]
    fn err_a_change_outside_of_any_function_is_left() {
        let mut nowhere = mutant([1, 1, 5, 2], [4, 7, 4, 8], ">");
        nowhere.function = None;
        assert_eq!(weave(CODE, &[(5, &nowhere)]), (CODE.to_owned(), vec![5]));
        assert_eq!(nowhere.apply(CODE), Some(CODE.replace("a < b", "a > b")));
    }
}
