//! **Here**: what the text of a workflow file says about a dispatch: whether it listens, and whether its runs show the id. Pure.
//! **Not here**: fetching the file (`client`), YAML in general.
//! **Reads**: `runs` before it, which finds in a title what is promised here; `client::Client::check_target` uses it.
//! **Source**: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax>, read 2026-11-22.
//!
//! Read line by line, without a YAML parser: block style and one-line lists are understood, anchors and multi-line flow style are
//! not. A workflow that is not understood counts as one that does not show the id, which is the safe side: an unknown outcome
//! is then parked instead of repeated.

use crate::runs::stands_alone;

/// The expression that a `run-name` has to hold, alone between `${{` and `}}`.
pub const RELAY_ID_EXPRESSION: &str = "github.event.client_payload.relay.id";

/// The expressions of which a `run-name` has to hold one where a workflow dispatch starts the run: both are the input `relay_id`.
pub const RELAY_ID_INPUTS: [&str; 2] = ["inputs.relay_id", "github.event.inputs.relay_id"];

/// What a workflow file says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WorkflowFacts {
    /// Whether it listens to a repository dispatch of the event type, or to a workflow dispatch.
    pub listens: bool,
    /// Whether its `run-name` shows the relay id, so that [`shows_id`](crate::runs::shows_id) finds it: the bare
    /// [`RELAY_ID_EXPRESSION`], or one of [`RELAY_ID_INPUTS`], with neither a letter nor a digit nor another expression beside it.
    pub shows_relay_id: bool,
}

/// Reads a workflow file, for repository dispatches of this event type.
#[must_use]
pub fn read_workflow(text: &str, event_type: &str) -> WorkflowFacts {
    let lines = lines(text);
    WorkflowFacts {
        listens: listens(&lines, "repository_dispatch", Some(event_type)),
        shows_relay_id: run_name_shows(&lines, &[RELAY_ID_EXPRESSION]),
    }
}

/// Reads a workflow file, for workflow dispatches with an input `relay_id`.
#[must_use]
pub fn read_dispatched_workflow(text: &str) -> WorkflowFacts {
    let lines = lines(text);
    WorkflowFacts {
        listens: listens(&lines, "workflow_dispatch", None),
        shows_relay_id: run_name_shows(&lines, &RELAY_ID_INPUTS),
    }
}

/// The lines that are neither empty nor comments.
fn lines(text: &str) -> Vec<&str> {
    text.lines()
        .map(without_comment)
        .filter(|line| !line.trim().is_empty())
        .collect()
}

/// Whether one of these expressions stands in its `run-name` in a way that is found again.
fn run_name_shows(lines: &[&str], expressions: &[&str]) -> bool {
    let mut run_names = lines.iter().enumerate().filter_map(|(at, line)| {
        let value = line
            .strip_prefix("run-name:")
            .or_else(|| line.strip_prefix("\"run-name\":"))?;
        // A line that is indented goes on with it.
        let is_whole = lines.get(at + 1).is_none_or(|next| indent(next) == 0);
        Some(if is_whole { value } else { "" })
    });
    // Two of them are no YAML, or not what they look like.
    match (run_names.next(), run_names.next()) {
        (Some(value), None) => scalar(value).is_some_and(|name| shows_relay_id(&name, expressions)),
        _ => false,
    }
}

/// Whether it listens to this trigger; where an event type is told, `types:` count.
fn listens(lines: &[&str], trigger: &str, event_type: Option<&str>) -> bool {
    let is_on = |line: &&str| {
        ["on:", "\"on\":", "'on':"]
            .iter()
            .any(|key| line.starts_with(key))
    };
    let Some(start) = lines.iter().position(is_on) else {
        return false;
    };
    let on_one_line = lines
        .get(start)
        .and_then(|line| line.split_once(':'))
        .map(|(_, value)| value.trim())
        .unwrap_or_default();
    if !on_one_line.is_empty() {
        // `on: repository_dispatch` or `on: [push, repository_dispatch]`: every type is wanted.
        return list(on_one_line).contains(&trigger);
    }
    let block: Vec<&str> = lines
        .iter()
        .skip(start + 1)
        .take_while(|line| indent(line) > 0)
        .copied()
        .collect();
    let Some(at) = block.iter().position(|line| {
        let key = line.trim().trim_start_matches("- ");
        key == trigger
            || key
                .strip_prefix(trigger)
                .is_some_and(|rest| rest.starts_with(':'))
    }) else {
        return false;
    };
    let Some(event_type) = event_type else {
        return true;
    };
    let depth = block.get(at).map_or(0, |line| indent(line));
    let inner: Vec<&str> = block
        .iter()
        .skip(at + 1)
        .take_while(|line| indent(line) > depth)
        .copied()
        .collect();
    let Some(types) = inner.iter().position(|line| line.trim().starts_with("types:")) else {
        return true;
    };
    let value = inner
        .get(types)
        .and_then(|line| line.split_once(':'))
        .map(|(_, value)| value.trim())
        .unwrap_or_default();
    if !value.is_empty() {
        return list(value).contains(&event_type);
    }
    let items = inner
        .iter()
        .skip(types + 1)
        .map_while(|line| line.trim().strip_prefix("- "));
    items.map(unquoted).any(|item| item == event_type)
}

/// What a scalar on one line says, if it is written in a way that we understand: plain, or quoted without escapes.
fn scalar(value: &str) -> Option<String> {
    // A colon without a blank behind it ends no key.
    let value = value.strip_prefix([' ', '\t'])?.trim_matches([' ', '\t']);
    // YAML ends a line at some of these.
    let is_strange = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    if value.contains(is_strange) {
        return None;
    }
    if let Some(rest) = value.strip_prefix('"') {
        let inner = rest.strip_suffix('"')?;
        return (!inner.contains(['"', '\\'])).then(|| inner.to_owned());
    }
    if let Some(rest) = value.strip_prefix('\'') {
        let inner = rest.strip_suffix('\'')?;
        return (!inner.replace("''", "").contains('\'')).then(|| inner.replace("''", "'"));
    }
    let is_plain = !value.starts_with(|c| "-?:,[]{}#&*!|>%@`".contains(c))
        && !value.contains(": ")
        && !value.ends_with(':');
    is_plain.then(|| value.to_owned())
}

/// A part of a `run-name`; a text is not empty.
enum Part<'n> {
    Text(&'n str),
    /// What stands between `${{` and `}}`.
    Expression(&'n str),
}

/// Whether the title of a run with this name shows the id.
fn shows_relay_id(name: &str, expressions: &[&str]) -> bool {
    let Some(parts) = parts(name) else {
        return false;
    };
    // Nothing is known of what another expression becomes, so one that touches the id may join it.
    let text = |at: Option<usize>| match at.and_then(|at| parts.get(at)) {
        None => Some(""),
        Some(Part::Text(text)) => Some(*text),
        Some(Part::Expression(_)) => None,
    };
    parts.iter().enumerate().any(|(at, part)| {
        let is_id = matches!(part, Part::Expression(inner) if expressions.contains(&inner.trim()));
        let beside = text(at.checked_sub(1)).zip(text(Some(at + 1)));
        is_id && beside.is_some_and(|(before, after)| stands_alone(before, after))
    })
}

/// Texts and expressions in their order; none when an expression does not end.
fn parts(name: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some((text, opened)) = rest.split_once("${{") {
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        // In a string, which single quotes enclose, braces do not count.
        let mut in_string = false;
        let end = opened.char_indices().find(|(at, c)| {
            in_string ^= *c == '\'';
            !in_string && opened.get(*at..).is_some_and(|rest| rest.starts_with("}}"))
        });
        let (inner, after) = opened.split_at_checked(end?.0)?;
        parts.push(Part::Expression(inner));
        rest = after.strip_prefix("}}")?;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Some(parts)
}

/// The items of `[a, "b"]`, or the one item of `a`.
fn list(value: &str) -> Vec<&str> {
    let inner = value
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(value);
    inner.split(',').map(unquoted).collect()
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let quoted = |quote| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The line up to a `#` that begins a comment: at its start, or behind a blank.
fn without_comment(line: &str) -> &str {
    let at = line.char_indices().find(|(at, c)| {
        *c == '#'
            && line
                .get(..*at)
                .is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
    });
    at.and_then(|(at, _)| line.get(..at)).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, listens: bool, shows_relay_id: bool) {
        assert_eq!(
            read_workflow(text, "deploy"),
            WorkflowFacts {
                listens,
                shows_relay_id
            },
            "{text}"
        );
    }

    #[test]
    fn ok_every_way_to_listen() {
        check("on: repository_dispatch\n", true, false);
        check("on: [push, repository_dispatch]\n", true, false);
        check("on:\n  repository_dispatch:\n", true, false);
        check(
            "on:\n  repository_dispatch:\n    types: [other, 'deploy']\n",
            true,
            false,
        );
        check("on:\n  repository_dispatch:\n    types: deploy\n", true, false);
        check(
            "on:\n  push:\n  repository_dispatch:\n    types:\n      - other\n      - deploy\njobs:\n",
            true,
            false,
        );
        check(
            "\"on\":\n  repository_dispatch:\n    types: [\"deploy\"] # ours\n",
            true,
            false,
        );
    }

    #[test]
    fn ok_every_way_not_to() {
        check("", false, false);
        check("on: push\n", false, false);
        check("on:\n  push:\njobs:\n  repository_dispatch:\n", false, false);
        check(
            "on:\n  repository_dispatch:\n    types: [deployment]\n",
            false,
            false,
        );
        check(
            "on:\n  repository_dispatch:\n    types:\n      - other\n  push:\n",
            false,
            false,
        );
        check("# on: repository_dispatch\n", false, false);
    }

    #[test]
    fn ok_the_id_has_to_be_in_run_name() {
        let on = "on:\n  repository_dispatch:\n    types: [deploy]\n";
        check(
            &format!("run-name: \"deploy [${{{{ github.event.client_payload.relay.id }}}}]\"\n{on}"),
            true,
            true,
        );
        check(
            &format!("name: \"[${{{{ github.event.client_payload.relay.id }}}}]\"\n{on}"),
            true,
            false,
        );
        check(
            &format!("# run-name: ${{{{ github.event.client_payload.relay.id }}}}\n{on}"),
            true,
            false,
        );
        check(
            &format!("run-name: github.event.client_payload.relay.id\n{on}"),
            true,
            false,
        );
        check(
            &format!("run-name: ${{{{ github.event.client_payload.model_name }}}}\n{on}"),
            true,
            false,
        );
    }

    #[test]
    fn ok_a_workflow_dispatch_shows_the_id_by_its_input() {
        let check = |text: &str, listens: bool, shows_relay_id: bool| {
            let expect = WorkflowFacts {
                listens,
                shows_relay_id,
            };
            assert_eq!(read_dispatched_workflow(text), expect, "{text}");
        };
        check("on: workflow_dispatch\n", true, false);
        check("on: [push, workflow_dispatch]\n", true, false);
        check(
            "on:\n  workflow_dispatch:\n    inputs:\n      relay_id:\n",
            true,
            false,
        );
        check("on:\n  - workflow_dispatch\n", true, false);
        check("on: repository_dispatch\n", false, false);
        check("on:\n  workflow_dispatched:\n", false, false);
        check("on:\n  push:\njobs:\n  workflow_dispatch:\n", false, false);
        let named = |expression: &str| {
            format!("run-name: \"m [${{{{ {expression} }}}}]\"\non:\n  workflow_dispatch:\n")
        };
        check(&named("inputs.relay_id"), true, true);
        check(&named("github.event.inputs.relay_id"), true, true);
        check(&named("inputs.relay_id_short"), true, false);
        check(&named("inputs.relay_id || github.run_id"), true, false);
        check(&named(RELAY_ID_EXPRESSION), true, false);
        assert!(!read_workflow(&named("inputs.relay_id"), "deploy").shows_relay_id);
    }

    #[test]
    fn ok_only_the_bare_expression_that_nothing_joins_shows_the_id() {
        const ID: &str = "${{ github.event.client_payload.relay.id }}";
        let check = |name: &str, expect: bool| {
            let text = format!("run-name:{}\n", name.replace("ID", ID));
            assert_eq!(read_workflow(&text, "deploy").shows_relay_id, expect, "{text}");
        };
        for name in [
            " ID",
            " deploy-ID",
            " deploy_ID",
            " ID-prod",
            " 'ID'",
            " 'it''s [ID]'",
            " \"[ID]\" # the id",
            " deploy#ID",
            " ${{ github.event.client_payload.model_name }} ID ${{ github.run_id }}",
            " ${{ format('}} {0}', github.run_id) }} (ID)",
            " ${{github.event.client_payload.relay.id}}",
            " vID ID",
        ] {
            check(name, true);
        }
        for name in [
            " vID",
            " ID2",
            " IDID",
            " ${{ github.event.client_payload.model_name }}ID",
            " ID${{ github.run_id }}",
            " ${{ github.event.client_payload.relay.idx }}",
            " ${{ github.event.client_payload.relay.id_short }}",
            " ${{ github.event.client_payload.relay.id == '' }}",
            " ${{ github.event.client_payload.relay.id || github.run_id }}",
            " ${{ 'github.event.client_payload.relay.id' }}",
            " ${{ ' ID'",
            " ID ${{ github.run_id",
            // Written in a way that is not understood, or no YAML.
            "ID",
            " \"ID\\x41\"",
            " \"[ID]",
            " '[ID]",
            " 'it's [ID]'",
            " [ID]",
            " >- ID",
            " a: ID",
            " # ID",
            " a\r# ID",
            " ID\n  and more",
            " ID\nrun-name: x",
        ] {
            check(name, false);
        }
    }
}
