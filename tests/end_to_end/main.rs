//! End-to-end tests: the real program, in a folder of its own for each test.
#![expect(clippy::unwrap_used, reason = "a test that can't read its own files has failed")]

mod adjudicate;
mod artifacts;
mod command_line;
mod compare;
mod counts;
mod dictionary;
mod examples;
mod export;
mod final_use;
#[cfg(unix)]
mod gate;
mod hostile;
mod hub;
mod interrupt;
mod mistakes;
mod new_labels;
mod own_settings;
mod predict;
mod program;
mod ratings;
mod rejects;
mod show;
mod study;
#[cfg(unix)]
mod torture;
mod transfer;
mod verify;
mod weekly;
mod wrong_uses;
