//! House rules as ordinary tests: see `tests/tidy.rs`. There is nothing to use here.
