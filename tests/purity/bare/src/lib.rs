//! All functions of the core, linked without an operating system.
//!
//! A shared library without `std`, with its own allocator and panic handler. The exported functions call every flow,
//! parser and signature of `wxpay-proto`, so the library imports what the core imports; `tests/purity/run` checks these
//! imports. If any dependency used `std`, there would be a second panic handler, and this crate would not compile.
#![no_std]
#![allow(missing_docs, reason = "the exported names are only roots for the linker")]
extern crate alloc;

mod flows;
mod messages;
mod v3;
mod values;

use alloc::string::String;
use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    fmt::{Debug, Write as _},
    hint::black_box,
    panic::PanicInfo,
    ptr::null_mut,
    sync::atomic::{AtomicUsize, Ordering},
};
use wxpay_proto::{
    entropy::Entropy,
    v1::{AppSecret, Merchant, PartnerKey, PaySignKey},
};

const ARENA: usize = 1 << 20;

/// A bump allocator: allocates the arena from its beginning and frees nothing. The code is linked, but never run.
struct Bump {
    arena: UnsafeCell<[u8; ARENA]>,
    used: AtomicUsize,
}

// SAFETY: no two callers get overlapping parts of the arena, because `used` is advanced atomically.
unsafe impl Sync for Bump {}

impl Bump {
    /// Returns start and end of an allocation of this layout, if it begins at `used` or later and fits.
    fn place(&self, used: usize, layout: Layout) -> Option<(usize, usize)> {
        let base = self.arena.get().addr();
        let start = base.checked_add(used)?.checked_next_multiple_of(layout.align())?.checked_sub(base)?;
        let end = start.checked_add(layout.size())?;
        (end <= ARENA).then_some((start, end))
    }
}

// SAFETY: each allocation lies within the arena, is aligned, and is never allocated again.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let end = |used| self.place(used, layout).map(|(_, end)| end);
        let claimed = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, end);
        match claimed.ok().and_then(|used| self.place(used, layout)) {
            Some((start, _)) => self.arena.get().cast::<u8>().wrapping_add(start),
            None => null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Bump = Bump { arena: UnsafeCell::new([0; ARENA]), used: AtomicUsize::new(0) };

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Symbols that the precompiled `alloc` refers to, because it is compiled for unwinding. Nothing unwinds: a panic never
/// returns.
mod unwinding {
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}

    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() -> ! {
        loop {}
    }
}

/// Returns the text, opaque to the optimiser, so that no branch is removed at compile time.
fn unknown(text: &str) -> &str {
    black_box(text)
}

fn entropy() -> Entropy {
    Entropy::new(black_box([7; 32]))
}

/// Formats a value, so that the optimiser cannot remove the code that computes it.
fn used(value: &impl Debug) {
    let mut text = String::new();
    let _ = write!(text, "{value:?}");
    black_box(text);
}

fn merchant() -> Option<Merchant> {
    let builder = Merchant::builder(
        unknown("wxd930ea5d5a258f4f").parse().ok()?,
        AppSecret::new(unknown("0123456789abcdef").repeat(2)).ok()?,
        PaySignKey::new(unknown("0123456789abcdef").repeat(8)).ok()?,
        unknown("1900000109").parse().ok()?,
        PartnerKey::new(unknown("fedcba9876543210").repeat(2)).ok()?,
    );
    Some(
        builder
            .base_url(unknown("https://gateway.example"))
            .ok()?
            .retry(black_box(Default::default()))
            .build(),
    )
}
