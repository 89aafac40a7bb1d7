//! Grantwell: an OAuth 2.1 authorization server and OpenID Provider in one program.

mod ambient;
mod app;
mod cli;
mod clocks;
mod config;
mod http;
mod issued;
mod jobs;
mod keys;
mod listen;
mod login;
mod master_key;
mod one_line;
mod pages;
mod registered;
mod router;
mod run;
mod short_log;
mod start;
mod start_error;
mod step_event;
mod telemetry;
#[cfg(test)]
mod tests;
mod tls_files;
mod turns;

/// Gives back what a burst of requests needed, and takes a fifth off the processor time of a code flow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
