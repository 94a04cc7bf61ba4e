//! **Here**: what the text of a workflow file says about a dispatch: whether it listens, and whether its runs show the id. Pure.
//! **Not here**: fetching the file (`client`), YAML in general.
//! **Reads**: a file's text; `client::Client::check_target` uses it.
//! **Source**: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax>, read 2026-11-22.
//!
//! Read line by line, without a YAML parser: block style and one-line lists are understood, anchors and multi-line flow style are
//! not. A workflow that is not understood counts as one that does not show the id, which is the safe side: an unknown outcome
//! is then parked instead of repeated.

use crate::runs::joins_id;

/// The expression that a `run-name` has to hold.
pub const RELAY_ID_EXPRESSION: &str = "github.event.client_payload.relay.id";

/// What a workflow file says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WorkflowFacts {
    /// Whether it listens to a repository dispatch of the event type.
    pub listens: bool,
    /// Whether its `run-name` shows the relay id, as a word of its own: with no letter, digit, `-`, `_` or further expression beside it.
    pub shows_relay_id: bool,
}

/// Reads a workflow file.
#[must_use]
pub fn read_workflow(text: &str, event_type: &str) -> WorkflowFacts {
    let lines: Vec<&str> = text
        .lines()
        .map(without_comment)
        .filter(|line| !line.trim().is_empty())
        .collect();
    let shows_relay_id = lines.iter().any(|line| {
        let value = line
            .strip_prefix("run-name:")
            .or_else(|| line.strip_prefix("\"run-name\":"));
        value.is_some_and(shows_relay_id)
    });
    WorkflowFacts {
        listens: listens(&lines, event_type),
        shows_relay_id,
    }
}

/// Whether every title made of this `run-name` shows the id to [`shows_id`](crate::runs::shows_id): the bare expression, and nothing
/// beside it that could join it. What another expression renders to is not known, and neither is an escape.
fn shows_relay_id(run_name: &str) -> bool {
    run_name.match_indices("${{").any(|(at, opening)| {
        let behind_opening = run_name.get(at + opening.len()..).unwrap_or_default();
        let Some((expression, after)) = behind_opening.split_once("}}") else {
            return false;
        };
        let before = run_name.get(..at).unwrap_or_default();
        let is_apart = |c: Option<char>| !c.is_some_and(|c| joins_id(c) || c == '\\');
        expression.trim() == RELAY_ID_EXPRESSION
            && is_apart(before.chars().next_back())
            && is_apart(after.chars().next())
            && !before.ends_with("}}")
            && !after.starts_with("${{")
    })
}

fn listens(lines: &[&str], event_type: &str) -> bool {
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
        return list(on_one_line).contains(&"repository_dispatch");
    }
    let block: Vec<&str> = lines
        .iter()
        .skip(start + 1)
        .take_while(|line| indent(line) > 0)
        .copied()
        .collect();
    let Some(at) = block.iter().position(|line| {
        let key = line.trim().trim_start_matches("- ");
        key == "repository_dispatch" || key.starts_with("repository_dispatch:")
    }) else {
        return false;
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

    /// What is said to show the id is found by [`shows_id`](crate::runs::shows_id); what joins it, or is another member, is not said to.
    #[test]
    fn ok_what_counts_as_shown_is_found_in_the_title() {
        const ID: &str = "474p54ivefce66s2nsvlvyw7zg";
        let id = format!("${{{{ {RELAY_ID_EXPRESSION} }}}}");
        let shows =
            |run_name: &str| read_workflow(&format!("run-name: {run_name}\n"), "deploy").shows_relay_id;
        let pieces = [
            "",
            "deploy-",
            "v",
            "7",
            "_",
            " [",
            "] ",
            "-prod",
            "\"",
            "é",
            "\\x41",
            "${{ github.actor }}",
            "'",
        ];
        for before in pieces {
            for after in pieces {
                let title = format!("{before}{ID}{after}")
                    .replace("${{ github.actor }}", "bo7")
                    .replace("\\x41", "A");
                let mut run: crate::Run = serde_json::from_str(r#"{"id": 1}"#).unwrap();
                run.display_title = Some(title.clone());
                let (said, found) = (
                    shows(&format!("{before}{id}{after}")),
                    crate::runs::shows_id(&run, ID),
                );
                assert_eq!(said, found, "{title}");
            }
        }
        assert!(shows("${{github.event.client_payload.relay.id}}"));
        for other in ["relay.idx", "relay.id_short", "relay.id == ''", "relay.id || 1"] {
            assert!(
                !shows(&format!("${{{{ github.event.client_payload.{other} }}}}")),
                "{other}"
            );
        }
        assert!(!shows("${{ github.event.client_payload.relay.id"));
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
}
