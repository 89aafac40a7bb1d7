//! The reference page of the configuration, from the table the server reads by.

use std::fmt::Write as _;

use super::key::Section;

/// `docs/reference/configuration.md`.
pub(super) fn markdown(sections: &[&Section]) -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         <!-- Generated: grantwell config reference > docs/reference/configuration.md -->\n\n\
         `grantwell.toml` is read by `serve`, `apply` and `config check`. Every key has a default. An unknown key is an error.\n\
         Relative paths are relative to the file. A duration is a number with `ms`, `s`, `min`, `h` or `d`.\n\n\
         Every key has an environment variable that goes before the file. The same name with `_FILE` at the end names a file\n\
         to read the value from, without a byte order mark, blanks and line ends around it. Lists are separated by commas there. An unknown variable that starts with `GRANTWELL_` is an error;\n\
         those that Kubernetes sets for a Service whose name begins with `grantwell` (`GRANTWELL_PORT=tcp://…`) are ignored.\n",
    );
    for section in sections {
        let title = if section.name.is_empty() {
            "Before the first section".to_owned()
        } else {
            format!("`[{}]`", section.name)
        };
        let _ = write!(
            out,
            "\n## {title}\n\n{}\n\n| key | type | default | |\n|---|---|---|---|\n",
            section.about
        );
        for key in section.keys {
            let default = key.default.map_or_else(|| "not set".to_owned(), |text| format!("`{text}`"));
            let _ = writeln!(
                out,
                "| `{}`<br>`{}` | {} | {default} | {} |",
                key.name,
                section.variable(key.name),
                key.kind.name(),
                key.about
            );
        }
    }
    out
}
