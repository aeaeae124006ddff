//! Counting the panics of a thread: those of tasks that nobody waits for are lost otherwise.

use std::{cell::Cell, panic, sync::Once};

thread_local! {
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// Begins to count the panics of this thread.
pub(super) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.with(|panics| panics.set(panics.get() + 1));
            before(info);
        }));
    });
    PANICS.with(|panics| panics.set(0));
}

/// Returns the number of panics of this thread.
pub(super) fn count() -> u64 {
    PANICS.with(Cell::get)
}
