//! **Here**: [`Executor`]: the tasks of all processes, polled one at a time in an order that chance decides.
//! **Not here**: time (`time`), what the tasks do.
//! **Reads**: `random`.
//! **Source**: our own.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

use crate::random::Random;

type Queue = Arc<Mutex<Vec<u64>>>;

struct Flag {
    task: u64,
    queued: AtomicBool,
    queue: Queue,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.push(self.task);
        }
    }
}

struct Task {
    process: u32,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    flag: Arc<Flag>,
}

/// Polls tasks, one at a time.
#[derive(Default)]
pub(crate) struct Executor {
    tasks: BTreeMap<u64, Task>,
    queue: Queue,
    next: u64,
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Executor({} tasks)", self.tasks.len())
    }
}

impl Executor {
    /// Begins a task of a process.
    pub(crate) fn spawn(&mut self, process: u32, future: impl Future<Output = ()> + Send + 'static) {
        let task = self.next;
        self.next += 1;
        let flag = Arc::new(Flag {
            task,
            queued: AtomicBool::new(false),
            queue: Arc::clone(&self.queue),
        });
        flag.wake_by_ref();
        let future = Box::pin(future);
        self.tasks.insert(
            task,
            Task {
                process,
                future,
                flag,
            },
        );
    }

    /// Ends a process: whatever its tasks were waiting for, they go no further.
    pub(crate) fn kill(&mut self, process: u32) {
        self.tasks.retain(|_, task| task.process != process);
    }

    /// Polls one of the tasks that can go on; false when there is none.
    pub(crate) fn poll_one(&mut self, random: &mut Random) -> bool {
        loop {
            let id = {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                if queue.is_empty() {
                    return false;
                }
                let index = random.index(queue.len());
                queue.swap_remove(index)
            };
            // A task that has ended may have been woken before.
            let Some(task) = self.tasks.get_mut(&id) else {
                continue;
            };
            task.flag.queued.store(false, Ordering::Relaxed);
            let waker = Waker::from(Arc::clone(&task.flag));
            if task
                .future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                self.tasks.remove(&id);
            }
            return true;
        }
    }
}
