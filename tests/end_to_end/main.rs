//! End-to-end tests: the real program, in a folder of its own for each test.

mod artifacts;
mod mistakes;
mod program;
mod rejects;
mod study;
