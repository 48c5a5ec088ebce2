//! How large each crate is: lines of product code, types, public items.

use std::{
    collections::BTreeMap,
    fs,
    ops::AddAssign,
    path::{Path, PathBuf},
};

use crate::{Failure, cargo::root};

/// What a reader of a crate has to hold in mind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    /// Lines that are neither blank nor comment nor test.
    lines: u64,
    /// Structs, enums, traits and unions, named types of macros not counted.
    types: u64,
    /// Items and members that are `pub` without restriction.
    public: u64,
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Size) {
        self.lines += other.lines;
        self.types += other.types;
        self.public += other.public;
    }
}

/// Prints the size of every crate; with another checkout, that one's beside it.
pub(crate) fn print(before: Option<&Path>) -> Result<(), Failure> {
    let now = crates(&root())?;
    let then = before.map(crates).transpose()?.unwrap_or_default();
    let heads = ["lines", "types", "public"];
    let mut line = format!("{:<12}", "crate");
    for head in heads {
        line += &if before.is_some() { format!("{head:>22}") } else { format!("{head:>9}") };
    }
    println!("{line}");
    let mut names: Vec<&String> = now.keys().chain(then.keys()).collect();
    names.sort();
    names.dedup();
    let (mut all, mut all_then) = (Size::default(), Size::default());
    let row = |name: &str, now: Size, then: Size| {
        let mut line = format!("{name:<12}");
        for (now, then) in
            [(now.lines, then.lines), (now.types, then.types), (now.public, then.public)]
        {
            line += &match before {
                Some(_) => format!("{:>22}", format!("{then} -> {now}")),
                None => format!("{now:>9}"),
            };
        }
        println!("{line}");
    };
    for name in names {
        let of = |sizes: &BTreeMap<String, Size>| sizes.get(name).copied().unwrap_or_default();
        row(name, of(&now), of(&then));
        all += of(&now);
        all_then += of(&then);
    }
    row("all", all, all_then);
    Ok(())
}

fn crates(checkout: &Path) -> Result<BTreeMap<String, Size>, Failure> {
    let mut sizes = BTreeMap::new();
    let folder = checkout.join("crates");
    for path in entries(&folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut size = Size::default();
        if path.join("src").is_dir() {
            add(&path.join("src"), &mut size)?;
            sizes.insert(name, size);
        }
    }
    Ok(sizes)
}

fn add(folder: &Path, size: &mut Size) -> Result<(), Failure> {
    for path in entries(folder)? {
        if path.is_dir() {
            add(&path, size)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") && !is_of_tests(&path) {
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            *size += of(&text);
        }
    }
    Ok(())
}

/// Whether a module is declared for tests alone, by the name that these have here.
fn is_of_tests(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// The size of one file as rustfmt leaves it: what begins in the first column ends there.
fn of(text: &str) -> Size {
    let mut size = Size::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.trim();
        if code.starts_with("#[cfg(") && code.contains("test") && !code.contains("not(test)") {
            // The item that it stands before, to its end.
            let indent = line.len() - line.trim_start().len();
            let ends = |line: &str| {
                line.len() - line.trim_start().len() == indent && line.ends_with(['}', ';'])
            };
            lines.by_ref().find(|line| ends(line));
            continue;
        }
        if code.is_empty() || code.starts_with("//") {
            continue;
        }
        size.lines += 1;
        let public = code.strip_prefix("pub ");
        size.public += u64::from(public.is_some());
        let item = public.or_else(|| code.strip_prefix("pub(crate) "));
        let item = item.or_else(|| code.strip_prefix("pub(super) ")).unwrap_or(code);
        let types = ["struct ", "enum ", "trait ", "union "];
        size.types += u64::from(types.iter().any(|word| item.starts_with(word)));
    }
    size
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(unreadable(folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(unreadable(folder))?.path());
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |e| Failure::Check(format!("cannot read {path}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blanks_and_tests_are_no_product_code() {
        let text = "\
//! Head.

/// One.
pub struct One {
    /// A field.
    pub field: u8,
    hidden: u8,
}

#[cfg(test)]
use std::fs;

pub(crate) enum Two {}

#[cfg(all(test, unix))]
mod tests {
    pub struct NotCounted;
}

fn after() {} // said beside the code
";
        assert_eq!(of(text), Size { lines: 6, types: 2, public: 2 });
    }
}
