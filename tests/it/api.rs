//! What clients and operators are answered: contract.md, section 4.

mod access;
mod changing;
mod creating;
mod listing;
mod looking;
mod receipts;
mod rejected;
mod replay;
mod roles;
mod superfluous;
mod verifying;
mod waiting;
