//! What a check promises, a look keeps: for any `run-name` that counts as showing the id, the run is found by its title. Values
//! are generated from a fixed seed, so that every run is the same.

use github_dispatch::Run;
use github_dispatch::runs::shows_id;
use github_dispatch::workflow_file::{RELAY_ID_EXPRESSION, read_workflow};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, RngSeed};

const ID: &str = "474p54ivefce66s2nsvlvyw7zg";

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 4_096,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(0x5eed),
        ..ProptestConfig::default()
    }
}

/// Text around an id: of any characters, and of those that mean something to YAML, to expressions or to the id.
fn text() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "a",
        "Z",
        "7",
        "é",
        "-",
        "_",
        " ",
        "  ",
        "[",
        "]",
        "(",
        ":",
        ": ",
        "#",
        " #",
        "'",
        "''",
        "\"",
        "\\",
        "\\x41",
        "\\n",
        "\t",
        "\r",
        "\u{2028}",
        "${{",
        "}}",
        "${{ github.run_id }}",
        "${{github.run_id}}",
        "${{ '}}' }}",
        "\n",
        "\n  ",
        "|",
        ">",
        ID,
    ]);
    let piece = prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// The expression of the id, and what looks like it.
fn expression() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => vec(select(vec![" ", "\t", ""]), 2)
            .prop_map(|blanks| format!("${{{{{}{RELAY_ID_EXPRESSION}{}}}}}", blanks[0], blanks[1])),
        1 => select(vec!["x", "_short", " == ''", " || github.run_id", "["])
            .prop_map(|more| format!("${{{{ {RELAY_ID_EXPRESSION}{more} }}}}")),
    ]
}

/// What the scalar of `run-name` says: a reading of its own, which knows the escapes that are refused. None when it is no YAML.
fn said(value: &str) -> Option<String> {
    let line = value
        .split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .next()
        .unwrap_or_default();
    let mut chars = line.trim_start().chars().peekable();
    let quote = chars.next_if(|c| matches!(c, '"' | '\''));
    let mut said = String::new();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('"'), '\\') => match chars.next()? {
                'x' => {
                    let digits: String = chars.by_ref().take(2).collect();
                    said.push(char::from(u8::from_str_radix(&digits, 16).ok()?));
                }
                'n' => said.push('\n'),
                other => said.push(other),
            },
            (Some('\''), '\'') if chars.next_if_eq(&'\'').is_some() => said.push('\''),
            (Some(quote), c) if quote == c => return Some(said),
            (None, ' ' | '\t') if chars.peek() == Some(&'#') => break,
            (_, c) => said.push(c),
        }
    }
    quote.is_none().then(|| said.trim_end().to_owned())
}

/// The title that GitHub makes of a `run-name`, where every expression but the id becomes `other`. None when one does not end.
fn title(name: &str, other: &str) -> Option<String> {
    let Some((before, rest)) = name.split_once("${{") else {
        return Some(name.to_owned());
    };
    let mut quotes = 0;
    let end = (0..rest.len()).find(|&at| {
        quotes += usize::from(rest.as_bytes()[at] == b'\'');
        quotes % 2 == 0 && rest.as_bytes()[at..].starts_with(b"}}")
    })?;
    let value = if rest[..end].trim() == RELAY_ID_EXPRESSION {
        ID
    } else {
        other
    };
    Some(format!("{before}{value}{}", title(&rest[end + 2..], other)?))
}

fn run(title: &str) -> Run {
    serde_json::from_value(serde_json::json!({ "id": 1, "display_title": title })).unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn ok_what_counts_as_shown_is_found_in_the_title(
        quote in select(vec!["", "\"", "'"]),
        before in text(),
        id in expression(),
        after in text(),
        other in select(vec!["", "x", "-", "12"]),
    ) {
        let value = format!("{quote}{before}{id}{after}{quote}");
        let file = format!("run-name: {value}\non: repository_dispatch\n");
        if read_workflow(&file, "deploy").shows_relay_id {
            let title = said(&value).and_then(|name| title(&name, other));
            prop_assert!(title.is_some(), "no title comes of {value:?}");
            let title = title.unwrap_or_default();
            prop_assert!(shows_id(&run(&title), ID), "{value:?} becomes {title:?}");
        }
    }

    #[test]
    fn ok_plain_text_that_does_not_join_is_promised_and_found(
        before in "[ \\[\\](){}/._é部-]{0,4}", after in "[ \\[\\](){}/._é部-]{0,4}",
    ) {
        let name = format!("run {before}${{{{ {RELAY_ID_EXPRESSION} }}}}{after}");
        let joins = before.is_empty() && name.starts_with("run$");
        let file = format!("run-name: \"{name}\"\non: repository_dispatch\n");
        prop_assert_eq!(read_workflow(&file, "deploy").shows_relay_id, !joins, "{}", name);
        let title = title(&name, "").unwrap_or_default();
        prop_assert!(shows_id(&run(&title), ID), "{}", title);
    }
}

/// The property says nothing unless names are promised.
#[test]
fn ok_the_generator_makes_names_that_count_as_shown() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::new(config());
    let names = (select(vec!["", "\"", "'"]), text(), expression(), text());
    let n_shown = (0..4_096)
        .filter(|_| {
            let (quote, before, id, after) = names.new_tree(&mut runner).unwrap().current();
            let file = format!("run-name: {quote}{before}{id}{after}{quote}\n");
            read_workflow(&file, "deploy").shows_relay_id
        })
        .count();
    assert!(n_shown > 300, "{n_shown}");
}
