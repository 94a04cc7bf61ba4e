//! **Here**: what is dangerous in the text of a workflow file: payload values pasted into scripts, and concurrency groups that swallow
//! or cancel deployments. Pure.
//! **Not here**: whether it listens and shows the id (`workflow_file`), fetching it (`ops/setup`).
//! **Reads**: the text; `ops/setup` after it.
//! **Source**: <https://docs.github.com/actions/concepts/security/script-injections> and
//! <https://docs.github.com/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency>, read 2026-11-23: a
//! group has one that runs and one that waits; a newer one takes the place of the one that waits, unless `queue: max` is set.
//!
//! Read line by line, without a YAML parser: block style is understood. In flow style (`{run: …}`) and behind anchors only what is
//! obvious is found, so an empty list is no proof; zizmor looks deeper.

/// A danger, and the line it is in, counted from 1.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Danger {
    /// A value of the payload is pasted into a script before it runs: whoever chooses the value writes the script.
    Pasted {
        /// Where the expression begins.
        line: usize,
        /// What stands between `${{` and `}}`.
        expression: String,
    },
    /// Runs for different versions share a group with one place to wait: the third of three quick ones takes the place of the second.
    Swallows {
        /// Where the group is.
        line: usize,
    },
    /// A newer run ends an older one in the middle of its deployment.
    Cancels {
        /// Where the group is.
        line: usize,
    },
    /// Dispatches without a relay id, from another sender, would all share one group.
    NoFallback {
        /// Where the group is.
        line: usize,
    },
}

/// Finds dangers, in the order of their lines.
#[must_use]
pub fn dangers(text: &str) -> Vec<Danger> {
    let lines: Vec<&str> = text.lines().collect();
    let tainted = tainted_variables(&lines);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let Some(entry) = Entry::of(line) else {
            found.extend(in_flow_style(line, at, &tainted));
            at += 1;
            continue;
        };
        let end = at + 1 + entry.n_lines_below(lines.get(at + 1..).unwrap_or_default());
        let block = lines.get(at..end).unwrap_or_default();
        match entry.key {
            "run" | "script" | "inlineScript" | "inline-script" | "inline_script" => {
                found.extend(pasted(block, at, &tainted));
                at = end;
            }
            "concurrency" => {
                found.extend(group_danger(block, at));
                at = end;
            }
            _ => {
                found.extend(in_flow_style(line, at, &tainted));
                at += 1;
            }
        }
    }
    found
}

/// `key: value` of block style, wherever it stands.
struct Entry<'l> {
    /// Where the key begins, dashes before it counted.
    column: usize,
    key: &'l str,
    value: &'l str,
}

impl<'l> Entry<'l> {
    fn of(line: &'l str) -> Option<Self> {
        let rest = line.trim_start_matches([' ', '-']);
        let (key, value) = rest.split_once(':')?;
        let is_key = !key.is_empty() && !key.contains([' ', '{', '[', '#', '$']);
        let ends = value.is_empty() || value.starts_with([' ', '\t']);
        (is_key && ends).then(|| Self {
            column: line.len() - rest.len(),
            key: key.trim_matches(['"', '\'']),
            value: value.trim(),
        })
    }

    /// How many of the lines below belong to its value.
    fn n_lines_below(&self, below: &[&str]) -> usize {
        let belongs = |line: &&&str| line.trim().is_empty() || indent(line) > self.column;
        below.iter().take_while(belongs).count()
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The expressions of a text, with the line each begins in, counted from 0.
fn expressions(lines: &[&str]) -> Vec<(usize, String)> {
    let text = lines.join("\n");
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((before, opened)) = text.get(at..).and_then(|rest| rest.split_once("${{")) {
        let start = at + before.len();
        // One that does not end takes all that is left.
        let inner = opened.split_once("}}").map_or(opened, |(inner, _)| inner);
        let line = text.get(..start).map_or(0, |before| before.matches('\n').count());
        found.push((line, inner.trim().to_owned()));
        at = start + 3 + inner.len();
    }
    found
}

fn pasted(block: &[&str], first: usize, tainted: &[String]) -> Vec<Danger> {
    let dangerous = |(line, expression): (usize, String)| {
        is_tainted(&expression, tainted).then_some(Danger::Pasted {
            line: first + line + 1,
            expression,
        })
    };
    expressions(block).into_iter().filter_map(dangerous).collect()
}

/// Whether an expression can hold text of a sender.
fn is_tainted(expression: &str, tainted: &[String]) -> bool {
    let compact: String = expression.chars().filter(|c| !c.is_whitespace()).collect();
    let compact = compact.replace("['", ".").replace("']", "").to_ascii_lowercase();
    let holds = |name: &str| {
        compact.match_indices(name).any(|(at, found)| {
            let before = compact.get(..at).unwrap_or_default();
            let behind = compact.get(at + found.len()..).unwrap_or_default();
            let joins = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            !before.ends_with(|c: char| joins(c) || c == '.') && !behind.starts_with(joins)
        })
    };
    // The whole of a context, such as toJSON(github.event), holds its parts.
    let whole = |name: &str| holds(name) && !compact.contains(&format!("{name}."));
    holds("github.event.client_payload")
        || holds("github.event.inputs")
        || holds("inputs")
        || whole("github.event")
        || whole("github")
        || tainted
            .iter()
            .any(|variable| holds(&format!("env.{}", variable.to_ascii_lowercase())))
}

/// Variables whose value is text of a sender: `${{ env.NAME }}` pastes as well.
fn tainted_variables(lines: &[&str]) -> Vec<String> {
    let is_tainted_line = |entry: &Entry<'_>| {
        expressions(&[entry.value])
            .iter()
            .any(|(_, expression)| is_tainted(expression, &[]))
    };
    let entries = lines.iter().filter_map(|line| Entry::of(line));
    entries
        .filter(|entry| !matches!(entry.key, "run" | "script" | "if" | "name" | "run-name" | "group"))
        .filter(is_tainted_line)
        .map(|entry| entry.key.to_owned())
        .collect()
}

/// `- { run: "echo ${{ … }}" }` on one line.
fn in_flow_style(line: &str, at: usize, tainted: &[String]) -> Vec<Danger> {
    let is_flow = line.trim_start_matches([' ', '-']).starts_with('{') || line.contains(": {");
    let has_script = ["run:", "script:", "inlineScript:"]
        .iter()
        .any(|key| line.contains(key));
    if is_flow && has_script {
        pasted(&[line], at, tainted)
    } else {
        Vec::new()
    }
}

/// The danger of one `concurrency`, which may stand at the workflow or at a job.
fn group_danger(block: &[&str], first: usize) -> Option<Danger> {
    let line = first + 1;
    let entries: Vec<Entry<'_>> = block.iter().filter_map(|line| Entry::of(line)).collect();
    let value = |key: &str| {
        let entry = entries.iter().find(|entry| entry.key == key)?;
        let value = entry.value.split(" #").next().unwrap_or_default().trim();
        Some(value.trim_matches(['"', '\'']))
    };
    let group = value("group")
        .or_else(|| value("concurrency"))
        .unwrap_or_default();
    let compact: String = group.chars().filter(|c| !c.is_whitespace()).collect();
    // What differs from dispatch to dispatch, or from version to version.
    let has_run = compact.contains("github.run_id");
    let has_id = compact.contains("client_payload.relay.id") || compact.contains("inputs.relay_id");
    let has_version = compact.contains("model_version");
    // An expression may come to true. A copy of a dispatch would end the run of the first one.
    let cancels = value("cancel-in-progress").is_some_and(|cancels| cancels != "false");
    let is_unique = has_run && !has_id && !has_version;
    if cancels && !is_unique {
        return Some(Danger::Cancels { line });
    }
    if has_id && !has_run {
        return Some(Danger::NoFallback { line });
    }
    let waits = value("queue") == Some("max");
    (!has_run && !has_version && !waits).then_some(Danger::Swallows { line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy_workflow::{AzureLogin, DeployWorkflow};

    fn lines_pasted(text: &str) -> Vec<usize> {
        dangers(text)
            .into_iter()
            .filter_map(|danger| match danger {
                Danger::Pasted { line, .. } => Some(line),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn err_every_way_to_paste() {
        let check = |text: &str, expect: &[usize]| assert_eq!(lines_pasted(text), expect, "{text}");
        check(
            "      - run: echo ${{ github.event.client_payload.model_name }}\n",
            &[1],
        );
        check(
            "      - run: |\n          x\n          yq '${{github.event.client_payload.a}}'\n",
            &[3],
        );
        check(
            "        run: >-\n          a\n\n          # ${{ inputs.version }}\n        shell: bash\n",
            &[4],
        );
        check(
            "      - name: x\n        run: echo \"${{ github.event.inputs.v }}\"\n",
            &[2],
        );
        check(
            "          script: |\n            console.log(`${{ toJSON(github.event) }}`)\n",
            &[2],
        );
        check(
            "          inlineScript: az x ${{ github.event['client_payload']['model_name'] }}\n",
            &[1],
        );
        check(
            "      - run: echo ${{ format('{0}',\n            github.event.client_payload.x) }}\n",
            &[1],
        );
        check("      - run: echo ${{ toJSON(github) }}\n", &[1]);
        check(
            "env:\n  MODEL: ${{ inputs.model }}\njobs:\n  a:\n    steps:\n      - run: echo ${{ env.MODEL }}\n",
            &[6],
        );
        check("      - { run: \"echo ${{ inputs.x }}\" }\n", &[1]);
        check("      - run: a ${{ inputs.x }} b ${{ inputs.y }}\n", &[1, 1]);
        check("      - \"run\": echo ${{ inputs.x\n", &[1]);
    }

    #[test]
    fn ok_what_is_passed_by_env_or_cannot_hold_text_of_a_sender() {
        for text in [
            "        env:\n          MODEL: ${{ github.event.client_payload.model_name }}\n        run: az \"$MODEL\"\n",
            "run-name: deploy ${{ github.event.client_payload.model_name }}\n",
            "        run: echo ${{ github.run_id }} ${{ github.event_name }} ${{ github.event.action_x }}\n",
            "        run: echo ${{ steps.my_inputs.outputs.x }} ${{ env.OTHER }}\n",
            "        if: ${{ github.event.client_payload.ok }}\n        run: echo\n",
            "# run: echo ${{ inputs.x }}\n",
        ] {
            assert_eq!(lines_pasted(text), [0_usize; 0], "{text}");
        }
    }

    #[test]
    fn ok_groups() {
        let check = |text: &str, expect: Option<Danger>| {
            assert_eq!(dangers(text), expect.into_iter().collect::<Vec<_>>(), "{text}");
        };
        check("concurrency: deploy\n", Some(Danger::Swallows { line: 1 }));
        check(
            "name: x\nconcurrency:\n  group: deploy\n",
            Some(Danger::Swallows { line: 2 }),
        );
        check(
            "concurrency:\n  group: deploy-${{ github.ref }}\n",
            Some(Danger::Swallows { line: 1 }),
        );
        check("concurrency:\n  group: deploy\n  queue: max\n", None);
        check(
            "jobs:\n  a:\n    concurrency:\n      group: x\n      cancel-in-progress: true\n",
            Some(Danger::Cancels { line: 3 }),
        );
        check(
            "concurrency:\n  group: x\n  cancel-in-progress: false\n  queue: max # all\n",
            None,
        );
        check(
            "concurrency:\n  group: x\n  cancel-in-progress: ${{ github.ref != 'x' }}\n",
            Some(Danger::Cancels { line: 1 }),
        );
        check(
            "concurrency:\n  group: r-${{ github.event.client_payload.relay.id }}\n",
            Some(Danger::NoFallback { line: 1 }),
        );
        check(
            "concurrency:\n  group: r-${{ github.event.client_payload.relay.id || github.run_id }}\n",
            None,
        );
        check(
            "concurrency:\n  group: \"m-${{ github.event.client_payload.model_version }}\"\n",
            None,
        );
    }

    #[test]
    fn ok_our_own_workflow_holds_none() {
        for login in [AzureLogin::Oidc, AzureLogin::Secret] {
            let workflow = DeployWorkflow::new("deploy", "rg", "ws", "ep", "blue").unwrap();
            assert_eq!(dangers(&workflow.with_login(login).render()), []);
        }
    }
}
