//! The guides say what the code says. A fenced block of `docs/guides` that names a file, ```` ```rust file=PATH ````, holds that whole
//! file; one that shows a change, ```` ```diff in=PATH ````, fits the file: the lines that it keeps or takes away stand there in this
//! order, `@@` between two places. Every file of `docs/guides/examples` stands in a guide.

use std::path::Path;

use super::Problems;
use crate::source::{self, RepositoryFile, files};

const GUIDES: &str = "docs/guides";
const EXAMPLES: &str = "docs/guides/examples/";

/// A fenced block of a guide.
struct Block<'a> {
    line: usize,
    language: &'a str,
    /// `file=…` or `in=…`.
    about: Option<(&'a str, &'a str)>,
    lines: Vec<&'a str>,
}

pub(super) fn check(root: &Path) -> Result<Problems, String> {
    let guides = files(root, GUIDES, &[".md"])?;
    if guides.is_empty() {
        return Err(format!("{GUIDES}: no guide found"));
    }
    let mut problems = Problems::new();
    let mut shown = Vec::new();
    for guide in &guides {
        for block in blocks(&guide.text) {
            if let Some((_, path)) = block.about {
                let text = source::read(&root.join(path));
                shown.push(path.to_owned());
                problems.extend(
                    text.and_then(|text| differs(&block, &text)).err().map(|why| at(guide, &block, &why)),
                );
            } else if ["rust", "diff", "html", "ftl"].contains(&block.language) {
                problems.push(at(guide, &block, "names neither `file=PATH` nor `in=PATH`"));
            }
        }
    }
    for example in files(root, EXAMPLES.trim_end_matches('/'), &[""])? {
        if !shown.contains(&example.path) {
            problems.push(format!("{}: stands in no guide", example.path));
        }
    }
    Ok(problems)
}

fn at(guide: &RepositoryFile, block: &Block<'_>, why: &str) -> String {
    format!("{}:{}: {why}", guide.path, block.line)
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), found.last_mut()) {
            (Some(_), _) if open => open = false,
            (Some(info), _) => {
                open = true;
                let (language, about) = info.split_once(' ').unwrap_or((info, ""));
                let about = about.split_once('=').filter(|(name, _)| ["file", "in"].contains(name));
                found.push(Block { line: number + 1, language, about, lines: Vec::new() });
            }
            (None, Some(block)) if open => block.lines.push(line),
            (None, _) => {}
        }
    }
    found
}

/// What is wrong with a block about a file that holds `text`.
fn differs(block: &Block<'_>, text: &str) -> Result<(), String> {
    let Some((kind, path)) = block.about else { return Ok(()) };
    let there: Vec<&str> = text.lines().collect();
    if kind == "file" {
        let same = block.lines.iter().zip(&there).take_while(|(one, other)| one == other).count();
        return if same == block.lines.len().max(there.len()) {
            Ok(())
        } else {
            Err(format!("is not {path}, which differs at its line {}", same + 1))
        };
    }
    let mut rest = there.as_slice();
    for place in block.lines.split(|line| line.starts_with("@@")) {
        let kept: Vec<&str> = place
            .iter()
            .filter(|line| !line.starts_with('+'))
            .map(|line| line.get(1..).unwrap_or_default())
            .collect();
        let Some(first) = kept.first() else {
            return Err("has a place without a line that is there".to_owned());
        };
        let found = rest.windows(kept.len()).position(|window| window == kept);
        let found = found.ok_or_else(|| format!("does not fit {path} at `{}`", first.trim()))?;
        rest = rest.get(found + kept.len()..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(block: &str, text: &str) -> Option<String> {
        let found = blocks(block);
        assert_eq!(found.len(), 1, "{block}");
        differs(&found[0], text).err()
    }

    #[test]
    fn a_block_that_names_a_file_is_the_file() {
        let block = "Text.\n\n```rust file=a.rs\nfn a() {}\n\nfn b() {}\n```\n";
        assert_eq!(problem(block, "fn a() {}\n\nfn b() {}\n"), None);
        for other in ["fn a() {}\n\nfn c() {}\n", "fn a() {}\n", "fn a() {}\n\nfn b() {}\nfn c() {}\n"] {
            assert!(problem(block, other).is_some(), "{other}");
        }
    }

    #[test]
    fn a_change_fits_where_its_lines_stand() {
        let block =
            "```diff in=a.rs\n     One,\n+    Two,\n }\n@@\n-const ALL: [A; 1];\n+const ALL: [A; 2];\n```\n";
        assert_eq!(problem(block, "enum A {\n    One,\n}\n\nconst ALL: [A; 1];\n"), None);
        for other in [
            "enum A {\n    Other,\n}\n\nconst ALL: [A; 1];\n",
            "enum A {\n    One,\n}\n\nconst ALL: [A; 2];\n",
            "const ALL: [A; 1];\nenum A {\n    One,\n}\n",
            "enum A {\n    One,\n    Two,\n}\n\nconst ALL: [A; 1];\n",
        ] {
            assert!(problem(block, other).is_some(), "{other}");
        }
        assert!(problem("```diff in=a.rs\n+new\n```\n", "old\n").is_some(), "fits everywhere");
    }

    #[test]
    fn blocks_are_told_apart() {
        let found = blocks("```sh\nls\n```\nText\n```rust in=a.rs\nx\n```\n```rust\ny\n```\n");
        let read: Vec<_> = found.iter().map(|block| (block.line, block.language, block.about)).collect();
        assert_eq!(read, [(1, "sh", None), (5, "rust", Some(("in", "a.rs"))), (8, "rust", None)]);
        assert_eq!(found[0].lines, ["ls"]);
    }
}
