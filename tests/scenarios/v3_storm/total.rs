//! What happened in a storm, counted.

use std::fmt;

macro_rules! total {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What happened, by kind. Every kind must happen in a run of the usual length, or the run does not test it.
        #[derive(Debug, Default)]
        pub(super) struct Total {
            $($(#[$doc])* pub(super) $name: usize,)*
        }

        impl Total {
            pub(super) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Returns the kinds that did not happen.
            pub(super) fn missing(&self) -> Vec<&'static str> {
                [$((stringify!($name), self.$name)),*]
                    .into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect()
            }
        }

        impl fmt::Display for Total {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let kinds = [$((stringify!($name), self.$name)),*];
                for (name, count) in kinds {
                    write!(f, " {name}={count}")?;
                }
                Ok(())
            }
        }
    };
}

total! {
    orders,
    requests,
    /// Turns of tasks: how often flows, payers and notifications took turns.
    turns,
    failures,
    paid,
    paid_by_code,
    paid_combined,
    paid_by_partner,
    paid_twice,
    closed,
    reversed,
    refunds,
    /// Orders with more than one successful refund.
    partly_refunded,
    transfers,
    shared,
    resolved,
    /// Operations that came to nothing, so that the shop began again under another number.
    renumbered,
    dropped,
    restarts,
    rotations,
    clock_set_back,
    notifications,
    rejected,
    duplicates,
}
