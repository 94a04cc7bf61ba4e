//! **Here**: the Markdown tables of one schema.
//! **Not here**: measuring (`measure`).
//! **Reads**: the costs of each size.
//! **Source**: `benches/RESULTS.md` holds what is printed.

use crate::contenders::Contender;
use crate::input::Input;
use crate::measure::Cost;

/// Pairs of which the first is divided by the second.
const RATIOS: [(&str, &str); 8] = [
    ("ours-view", "skip"),
    ("derived-view", "ours-view"),
    ("ours-typed", "skip"),
    ("derived-text", "ours-typed"),
    ("derived-instant", "ours-typed"),
    ("derived-instant", "ours-maps"),
    ("sdk", "ours-typed"),
    ("sdk-typed", "ours-typed"),
];

/// The costs of each contender for one size.
pub(crate) struct Row {
    pub(crate) input: Input,
    pub(crate) costs: Vec<Cost>,
}

/// Prints one table for each size, then the ratios of all.
pub(crate) fn print(schema: &str, contenders: &[Contender], rows: &[Row]) {
    for Row { input, costs } in rows {
        let n = input.n_events as f64;
        println!(
            "\n{schema}, {} event(s), {} bytes:\n",
            input.n_events,
            input.bytes.len()
        );
        println!(
            "| contender | ns/event | first to ninth decile | to `skip` | allocations/event | bytes allocated/event |"
        );
        println!("| --- | --: | --: | --: | --: | --: |");
        for (contender, cost) in contenders.iter().zip(costs) {
            println!(
                "| `{}` | {:.0} | {:.0} to {:.0} | {:.2} | {:.2} | {:.0} |",
                contender.name,
                cost.nanos / n,
                cost.deciles[0] / n,
                cost.deciles[1] / n,
                cost.nanos / costs[0].nanos,
                cost.allocations.n_calls as f64 / n,
                cost.allocations.n_bytes as f64 / n,
            );
        }
    }
    ratios(schema, contenders, rows);
}

fn ratios(schema: &str, contenders: &[Contender], rows: &[Row]) {
    println!("\n{schema}, ratios of wall time by events of a body:\n");
    print!("| ratio |");
    rows.iter().for_each(|row| print!(" {} |", row.input.n_events));
    println!("\n| --- |{}", " --: |".repeat(rows.len()));
    let index_of = |name| contenders.iter().position(|contender| contender.name == name);
    for (over, under) in RATIOS {
        let (Some(i), Some(j)) = (index_of(over), index_of(under)) else {
            continue;
        };
        print!("| `{over}` / `{under}` |");
        for Row { costs, .. } in rows {
            print!(" {:.2} |", costs[i].nanos / costs[j].nanos);
        }
        println!();
    }
}
