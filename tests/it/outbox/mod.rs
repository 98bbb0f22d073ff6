//! From the ledger to the relay.

pub(crate) mod crash;
pub(crate) mod delivery;
pub(crate) mod faults;
pub(crate) mod postfix;
pub(crate) mod smtp;
pub(crate) mod tls;
