//! The integration tests: one program, from the outside in.

mod digest;
mod mime;
