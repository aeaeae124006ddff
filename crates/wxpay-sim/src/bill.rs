//! The files of bills: the movements of a day as comma-separated text, the same for every API version.

mod csv;
mod flow;
mod profit_sharing;
mod trades;

pub(crate) use flow::fundflow;
pub(crate) use profit_sharing::sharings;
pub(crate) use trades::trade;
