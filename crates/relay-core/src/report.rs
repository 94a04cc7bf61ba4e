//! **Here**: [`report`]: an error and everything below it, once, for hosts' logs.
//! **Not here**: errors (each module has its own).
//! **Reads**: any error.
//! **Source**: STYLE section 5: a message never prints its source, so that a chain says nothing twice.

use std::error::Error;

/// The error and its sources, joined by `: `.
#[must_use]
pub fn report(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(below) = source {
        text.push_str(": ");
        text.push_str(&below.to_string());
        source = below.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to open")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no such file")]
    struct Inner;

    #[test]
    fn ok_each_message_once() {
        assert_eq!(report(&Outer(Inner)), "failed to open: no such file");
    }
}
