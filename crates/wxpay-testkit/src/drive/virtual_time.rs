//! Many tasks in virtual time, on one thread.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::BinaryHeap,
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};
use wxpay_proto::UnixTime;

/// A clock, and the tasks that sleep on it. While a task runs, the clock stands still; when all of them sleep, it jumps
/// to the time at which the first one wakes. Tasks that wake at the same time run in the order in which they fell
/// asleep, so that a run depends on nothing but its seed.
#[derive(Clone)]
pub struct VirtualTime(Rc<Inner>);

struct Inner {
    now: Cell<UnixTime>,
    /// When each sleeping task wakes: the time, the order at equal times, and the index of the task.
    alarms: RefCell<BinaryHeap<Reverse<(UnixTime, u64, usize)>>>,
    tasks: RefCell<Vec<Option<Task>>>,
    vacant: RefCell<Vec<usize>>,
    count: Cell<u64>,
    current: Cell<usize>,
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

impl VirtualTime {
    /// Creates a clock that shows this time, without tasks.
    pub fn new(now: UnixTime) -> Self {
        Self(Rc::new(Inner {
            now: Cell::new(now),
            alarms: RefCell::default(),
            tasks: RefCell::default(),
            vacant: RefCell::default(),
            count: Cell::new(0),
            current: Cell::new(usize::MAX),
        }))
    }

    /// Returns the current time.
    pub fn now(&self) -> UnixTime {
        self.0.now.get()
    }

    /// Adds a task, which begins now, but after the tasks that are due before it.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let index = self.0.vacant.borrow_mut().pop().unwrap_or_else(|| {
            let mut tasks = self.0.tasks.borrow_mut();
            tasks.push(None);
            tasks.len() - 1
        });
        self.0.tasks.borrow_mut()[index] = Some(Box::pin(task));
        self.wake(index, self.now());
    }

    /// Waits in virtual time. Other tasks run meanwhile, even if the duration is zero.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + use<> {
        let (time, until) = (self.clone(), self.now().after(duration));
        let mut is_asleep = false;
        std::future::poll_fn(move |_| {
            if is_asleep {
                return Poll::Ready(());
            }
            is_asleep = true;
            time.wake(time.0.current.get(), until);
            Poll::Pending
        })
    }

    /// Runs until every task has ended. Returns the number of times that a task ran.
    pub fn run(&self) -> u64 {
        let mut context = Context::from_waker(Waker::noop());
        let mut turns = 0;
        loop {
            // The borrow must end before the task runs: it adds alarms.
            let Some(Reverse((due, _, index))) = self.0.alarms.borrow_mut().pop() else { break };
            self.0.now.set(due);
            self.0.current.set(index);
            let mut task = self.0.tasks.borrow_mut()[index].take().expect("only a task that exists sleeps");
            turns += 1;
            match task.as_mut().poll(&mut context) {
                Poll::Pending => self.0.tasks.borrow_mut()[index] = Some(task),
                Poll::Ready(()) => self.0.vacant.borrow_mut().push(index),
            }
        }
        let ended = self.0.tasks.borrow().iter().all(Option::is_none);
        assert!(ended, "a task waits for something else than time");
        turns
    }

    fn wake(&self, index: usize, at: UnixTime) {
        self.0.count.set(self.0.count.get() + 1);
        self.0.alarms.borrow_mut().push(Reverse((at, self.0.count.get(), index)));
    }
}

impl fmt::Debug for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualTime").field("now", &self.now()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_wakes_tasks_in_order_of_time() {
        let (time, seen) = (VirtualTime::new(UnixTime::from_secs(100)), Rc::new(RefCell::new(Vec::new())));
        for (name, secs) in [("late", 5_u64), ("first", 1), ("second", 1)] {
            let (time, seen) = (time.clone(), Rc::clone(&seen));
            let outer = time.clone();
            outer.spawn(async move {
                time.sleep(Duration::from_secs(secs)).await;
                seen.borrow_mut().push((name, time.now().as_secs()));
                let (inner, seen) = (time.clone(), Rc::clone(&seen));
                time.spawn(async move {
                    inner.sleep(Duration::from_secs(10)).await;
                    seen.borrow_mut().push(("child", inner.now().as_secs()));
                });
            });
        }
        assert_eq!(time.run(), 12);
        let expected =
            [("first", 101), ("second", 101), ("late", 105), ("child", 111), ("child", 111), ("child", 115)];
        assert_eq!(*seen.borrow(), expected);
    }

    #[test]
    #[should_panic(expected = "something else than time")]
    fn virtual_time_refuses_a_task_that_nothing_wakes() {
        let time = VirtualTime::new(UnixTime::EPOCH);
        time.spawn(std::future::pending());
        time.run();
    }
}
