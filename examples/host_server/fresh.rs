//! **Here**: [`Fresh`], an answer that is given again for a moment, and made by one who asks while the others wait.
//! **Not here**: the answers (`http`, `metrics`).
//! **Reads**: the relay's clock.
//! **Source**: our own: anybody may ask, and each answer costs the journal something.

use std::time::Duration;

use relay_core::Relay;
use relay_core::clock::Timestamp;
use tokio::sync::Mutex;

/// How long an answer is given again.
const FOR: Duration = Duration::from_secs(1);

/// The latest answer, if there is one, and when it was made.
#[derive(Debug, Default)]
pub(crate) struct Fresh<T>(Mutex<Option<(Timestamp, T)>>);

impl<T: Clone> Fresh<T> {
    /// The latest answer, or one that is made now.
    pub(crate) async fn get(&self, relay: &Relay, make: impl Future<Output = T>) -> T {
        let mut known = self.0.lock().await;
        let now = relay.now();
        if let Some((at, answer)) = &*known
            && now >= *at
            && now.since(*at) < FOR
        {
            return answer.clone();
        }
        let answer = make.await;
        *known = Some((relay.now(), answer.clone()));
        answer
    }
}
