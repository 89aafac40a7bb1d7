//! Standard output. Who reads it may leave before its end, as `head` does: that ends the command, and nothing is wrong.

use std::{
    fmt,
    io::{ErrorKind, Write as _},
};

use super::{FAILURE, SUCCESS};

/// Writes one line, as `println!` does.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::cli::out::line(format_args!($($text)*))
    };
}
pub(crate) use say;

/// Writes one line. Ends the process when it cannot be written.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    if let Err(why) = writeln!(std::io::stdout(), "{text}") {
        if why.kind() == ErrorKind::BrokenPipe {
            std::process::exit(i32::from(SUCCESS));
        }
        eprintln!("error: cannot write to standard output: {why}");
        std::process::exit(i32::from(FAILURE));
    }
}
