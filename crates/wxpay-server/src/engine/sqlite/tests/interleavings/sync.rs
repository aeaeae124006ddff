//! The channels of tokio that the group commit uses, as far as it uses them, with every step scheduled by shuttle.
//!
//! Like tokio's, a sender first reserves a place and then puts its message there. Between the two, the receiver may
//! close, or be dropped.

pub(super) mod mpsc {
    use shuttle::sync::{Arc, Condvar, Mutex};
    use std::{
        collections::VecDeque,
        fmt,
        future::poll_fn,
        mem,
        task::{Poll, Waker},
    };

    struct Channel<T> {
        state: Mutex<State<T>>,
        changed: Condvar,
        capacity: usize,
    }

    struct State<T> {
        queue: VecDeque<T>,
        reserved: usize,
        senders: usize,
        closed: bool,
        waiting: Vec<Waker>,
    }

    impl<T> State<T> {
        fn wake_senders(&mut self) {
            self.waiting.drain(..).for_each(Waker::wake);
        }
    }

    pub(in super::super) struct Sender<T>(Arc<Channel<T>>);

    pub(in super::super) struct Receiver<T>(Arc<Channel<T>>);

    pub(in super::super) fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        let state =
            State { queue: VecDeque::new(), reserved: 0, senders: 1, closed: false, waiting: Vec::new() };
        let channel = Arc::new(Channel { state: Mutex::new(state), changed: Condvar::new(), capacity });
        (Sender(Arc::clone(&channel)), Receiver(channel))
    }

    impl<T> fmt::Debug for Sender<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Sender").finish_non_exhaustive()
        }
    }

    impl<T> fmt::Debug for Receiver<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Receiver").finish_non_exhaustive()
        }
    }

    impl<T> Sender<T> {
        pub(in super::super) fn max_capacity(&self) -> usize {
            self.0.capacity
        }

        pub(in super::super) fn capacity(&self) -> usize {
            let state = self.0.state.lock().unwrap();
            self.0.capacity - state.queue.len() - state.reserved
        }

        pub(in super::super) async fn send(&self, message: T) -> Result<(), T> {
            let reserve = poll_fn(|context| {
                let mut state = self.0.state.lock().unwrap();
                if state.closed {
                    return Poll::Ready(false);
                }
                if state.queue.len() + state.reserved < self.0.capacity {
                    state.reserved += 1;
                    return Poll::Ready(true);
                }
                state.waiting.push(context.waker().clone());
                Poll::Pending
            });
            if !reserve.await {
                return Err(message);
            }
            shuttle::thread::yield_now();
            let mut state = self.0.state.lock().unwrap();
            state.reserved -= 1;
            state.queue.push_back(message);
            self.0.changed.notify_all();
            Ok(())
        }
    }

    impl<T> Clone for Sender<T> {
        fn clone(&self) -> Self {
            self.0.state.lock().unwrap().senders += 1;
            Self(Arc::clone(&self.0))
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            self.0.state.lock().unwrap().senders -= 1;
            self.0.changed.notify_all();
        }
    }

    impl<T> Receiver<T> {
        pub(in super::super) fn blocking_recv(&mut self) -> Option<T> {
            let mut state = self.0.state.lock().unwrap();
            loop {
                if let Some(message) = state.queue.pop_front() {
                    state.wake_senders();
                    return Some(message);
                }
                if state.senders == 0 || (state.closed && state.reserved == 0) {
                    return None;
                }
                state = self.0.changed.wait(state).unwrap();
            }
        }

        pub(in super::super) fn try_recv(&mut self) -> Result<T, ()> {
            let mut state = self.0.state.lock().unwrap();
            let message = state.queue.pop_front().ok_or(())?;
            state.wake_senders();
            Ok(message)
        }

        pub(in super::super) fn close(&mut self) {
            let mut state = self.0.state.lock().unwrap();
            state.closed = true;
            state.wake_senders();
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            self.close();
            let queued = mem::take(&mut self.0.state.lock().unwrap().queue);
            drop(queued);
        }
    }
}

pub(super) mod oneshot {
    use shuttle::sync::{Arc, Mutex};
    use std::{
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    #[derive(Debug)]
    struct State<T> {
        value: Option<T>,
        /// One end is gone.
        closed: bool,
        waiting: Option<Waker>,
    }

    #[derive(Debug)]
    pub(in super::super) struct Sender<T>(Arc<Mutex<State<T>>>);

    #[derive(Debug)]
    pub(in super::super) struct Receiver<T>(Arc<Mutex<State<T>>>);

    pub(in super::super) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let state = Arc::new(Mutex::new(State { value: None, closed: false, waiting: None }));
        (Sender(Arc::clone(&state)), Receiver(state))
    }

    impl<T> Sender<T> {
        pub(in super::super) fn send(self, value: T) -> Result<(), T> {
            let mut state = self.0.lock().unwrap();
            if state.closed {
                return Err(value);
            }
            state.value = Some(value);
            Ok(())
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            let mut state = self.0.lock().unwrap();
            state.closed = true;
            if let Some(waiting) = state.waiting.take() {
                waiting.wake();
            }
        }
    }

    impl<T> Future for Receiver<T> {
        type Output = Result<T, ()>;

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            let mut state = self.0.lock().unwrap();
            match state.value.take() {
                Some(value) => Poll::Ready(Ok(value)),
                None if state.closed => Poll::Ready(Err(())),
                None => {
                    state.waiting = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            self.0.lock().unwrap().closed = true;
        }
    }
}
