//! **Here**: every log line of one thread, whoever writes it and by whichever of the two ways, at the most talkative level.
//! **Not here**: what must not be in it (`signed`).
//! **Reads**: nothing before it.
//! **Source**: our own: `log` has one logger for the process and `tracing` one for each thread, read 2026-11-23.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing_subscriber::fmt::MakeWriter;

thread_local! {
    /// What this thread has logged, while somebody listens.
    static LINES: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn push(text: &str) {
    LINES.with_borrow_mut(|lines| {
        if let Some(lines) = lines {
            lines.push_str(text);
        }
    });
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        LINES.with_borrow(Option::is_some)
    }

    fn log(&self, record: &log::Record<'_>) {
        push(&format!(
            "log {} {}: {}\n",
            record.level(),
            record.target(),
            record.args()
        ));
    }

    fn flush(&self) {}
}

/// Writes what `tracing-subscriber` formats.
#[derive(Clone, Copy)]
struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        push(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

/// Runs this on the current thread, which must be all that it runs on, and returns what it logged. The servers of tests have threads of
/// their own, so what they log is not here.
pub(crate) async fn logged<T>(run: impl Future<Output = T>) -> (T, String) {
    static ONE: Once = Once::new();
    ONE.call_once(|| {
        log::set_boxed_logger(Box::new(Logger)).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(Lines)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    LINES.set(Some(String::new()));
    let made = run.await;
    (made, LINES.take().unwrap())
}

#[tokio::test]
async fn ok_both_ways_are_heard_and_other_threads_are_not() {
    let ((), lines) = logged(async {
        log::trace!(target: "one", "by log {}", 1);
        tracing::trace!(target: "two", by = 2, "by tracing");
        let quiet = std::thread::spawn(|| log::error!("of another thread"));
        quiet.join().unwrap();
    })
    .await;
    assert!(lines.contains("log TRACE one: by log 1\n"), "{lines}");
    assert!(lines.contains("TRACE two: by tracing by=2\n"), "{lines}");
    assert_eq!(lines.lines().count(), 2, "{lines}");
}
