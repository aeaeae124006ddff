//! Everything the core can do, linked without an operating system.
//!
//! A shared library without `std`, with its own allocator and panic handler. What it exports calls every flow,
//! reader and signature of `wxpay-proto`, so what it needs from outside is what the core needs from outside; `run`
//! beside this crate looks at that. Were `std` anywhere below, its panic handler would be a second one, and this
//! would not compile.
#![no_std]
#![allow(missing_docs, reason = "the exported names are only roots for the linker")]
extern crate alloc;

mod conversations;
mod messages;
mod third;
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

/// Hands out the arena from its beginning and takes nothing back. Nobody runs this; it is there to be linked.
struct Bump {
    arena: UnsafeCell<[u8; ARENA]>,
    used: AtomicUsize,
}

// SAFETY: no two callers are given the same part of the arena, because `used` is advanced atomically.
unsafe impl Sync for Bump {}

impl Bump {
    /// Where a part of that layout begins, if its claim begins at `used`; and where it ends.
    fn place(&self, used: usize, layout: Layout) -> Option<(usize, usize)> {
        let base = self.arena.get().addr();
        let start = base.checked_add(used)?.checked_next_multiple_of(layout.align())?.checked_sub(base)?;
        let end = start.checked_add(layout.size())?;
        (end <= ARENA).then_some((start, end))
    }
}

// SAFETY: what is handed out lies within the arena, aligned, and is never handed out again.
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

/// `alloc` comes compiled for unwinding and names these two. Nothing unwinds here: a panic never returns.
mod unwinding {
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}

    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() -> ! {
        loop {}
    }
}

/// Input that the compiler cannot foresee, so that no branch is decided when this is built.
fn unknown(text: &str) -> &str {
    black_box(text)
}

fn entropy() -> Entropy {
    Entropy::new(black_box([7; 32]))
}

/// Uses a value in a way the compiler must believe: prints it.
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
