//! The supply chain without further tools: every package's licence and source, and what is banned,
//! by the list in deny.toml.

use std::{collections::BTreeMap, fs};

use crate::{
    Failure,
    cargo::{cargo, output, root},
};

/// The one registry that packages may come from.
const REGISTRY: &str = "\"registry+https://github.com/rust-lang/crates.io-index\"";

/// Adds what breaks the rules.
pub(crate) fn check(breaches: &mut Vec<String>) -> Result<(), Failure> {
    let rules = Rules::read(&read("deny.toml")?);
    if rules.licenses.is_empty() || rules.banned.is_empty() || rules.single.is_empty() {
        return Err(Failure::Check("deny.toml can't be read: a list is empty".to_owned()));
    }
    let packages = locked(&read("Cargo.lock")?, breaches);
    for (name, versions) in &packages {
        if rules.banned.contains(name) {
            breaches.push(format!("{name} is banned by deny.toml"));
        }
        if versions.len() > 1 && rules.single.contains(name) {
            let versions = versions.join(" and ");
            breaches.push(format!("{name} is there as {versions}, deny.toml allows one version"));
        }
    }
    // What is locked for some other system and feature is listed too.
    let arguments = [
        "tree",
        "--locked",
        "--workspace",
        "--target",
        "all",
        "--edges",
        "normal,build,dev",
        "--prefix",
        "none",
        "--format",
        "{p}|{l}",
    ];
    let tree = output(&mut cargo(&arguments))?;
    let mut found: Vec<&str> = tree.lines().filter(|line| line.contains('|')).collect();
    found.sort_unstable();
    found.dedup();
    for line in &found {
        // Ours have a path behind the version; the tree marks what it has shown with (*).
        let (package, license) = line.split_once('|').unwrap_or((line, ""));
        let license = license.trim_end_matches("(*)").trim();
        if !allowed(license, &rules.licenses) {
            let package = package.split(" (").next().unwrap_or(package);
            breaches.push(format!("{package} has the licence {license:?}, not one of deny.toml's"));
        }
    }
    let several = packages.values().filter(|versions| versions.len() > 1).count();
    println!(
        "tidy: {} packages locked, {several} in more than one version; {} licences looked at",
        packages.len(),
        found.len()
    );
    Ok(())
}

fn read(name: &str) -> Result<String, Failure> {
    fs::read_to_string(root().join(name))
        .map_err(|e| Failure::Check(format!("cannot read {name}: {e}")))
}

/// What deny.toml says.
struct Rules {
    licenses: Vec<String>,
    banned: Vec<String>,
    single: Vec<String>,
}

impl Rules {
    /// Reads the lists by their lines: one entry a line, as the file has them.
    fn read(text: &str) -> Rules {
        let mut rules = Rules { licenses: Vec::new(), banned: Vec::new(), single: Vec::new() };
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') && line.ends_with(']') {
                section = line;
            }
            let quoted = line.split('"').nth(1).map(str::to_owned);
            match (section, quoted) {
                ("[licenses]", Some(name)) if line.starts_with('"') => rules.licenses.push(name),
                ("[bans]", Some(name)) if line.starts_with("{ crate") => {
                    if line.contains("deny-multiple-versions = true") {
                        rules.single.push(name);
                    } else {
                        rules.banned.push(name);
                    }
                }
                _ => {}
            }
        }
        rules
    }
}

/// The packages of Cargo.lock with their versions; each but ours has to come from the registry and
/// have its hash.
fn locked(lock: &str, breaches: &mut Vec<String>) -> BTreeMap<String, Vec<String>> {
    let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |key: &str| {
            package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
        };
        let name = field("name").unwrap_or_default().trim_matches('"').to_owned();
        let version = field("version").unwrap_or_default().trim_matches('"').to_owned();
        match field("source") {
            None if name.starts_with("clawsig") || name == "xtask" => {}
            Some(REGISTRY) if field("checksum").is_some() => {}
            source => breaches.push(format!(
                "{name} {version} comes from {}, not from crates.io with a hash",
                source.unwrap_or("a folder")
            )),
        }
        packages.entry(name).or_default().push(version);
    }
    packages
}

/// Whether an SPDX expression can be met with the allowed licences: one side of an OR, both sides of
/// an AND. A `/` is the OR of old manifests.
fn allowed(expression: &str, licenses: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Expression { words: &words, licenses };
    let met = parser.either();
    met && parser.words.is_empty()
}

struct Expression<'a> {
    words: &'a [&'a str],
    licenses: &'a [String],
}

impl Expression<'_> {
    fn skip(&mut self, word: &str) -> bool {
        let there = self.words.first() == Some(&word);
        if there {
            self.words = &self.words[1..];
        }
        there
    }

    fn either(&mut self) -> bool {
        let mut met = self.both();
        while self.skip("OR") {
            met |= self.both();
        }
        met
    }

    fn both(&mut self) -> bool {
        let mut met = self.one();
        while self.skip("AND") {
            met &= self.one();
        }
        met
    }

    fn one(&mut self) -> bool {
        if self.skip("(") {
            let met = self.either();
            return self.skip(")") && met;
        }
        let Some((first, rest)) = self.words.split_first() else { return false };
        self.words = rest;
        let mut name = (*first).to_owned();
        if self.skip("WITH")
            && let Some((exception, rest)) = self.words.split_first()
        {
            self.words = rest;
            name = format!("{name} WITH {exception}");
        }
        self.licenses.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_met_by_one_side_of_or_and_both_of_and() {
        let licenses = ["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()];
        let met = |text: &str| allowed(text, &licenses);
        assert!(met("MIT") && met("MIT OR GPL-3.0") && met("GPL-3.0/MIT"));
        assert!(met("(GPL-3.0 OR MIT) AND Apache-2.0 WITH LLVM-exception"));
        assert!(!met("GPL-3.0") && !met("MIT AND GPL-3.0") && !met("Apache-2.0"));
        assert!(!met("") && !met("MIT MIT") && !met("(MIT"));
    }

    #[test]
    fn a_package_from_elsewhere_or_without_a_hash_is_a_breach() {
        let package =
            |source: &str| format!("[[package]]\nname = \"x\"\nversion = \"1.0.0\"\n{source}");
        let breaches = |text: &str| {
            let mut breaches = Vec::new();
            locked(text, &mut breaches);
            breaches.len()
        };
        let registry = format!("source = {REGISTRY}\nchecksum = \"00\"\n");
        assert_eq!(breaches(&package(&registry)), 0);
        assert_eq!(breaches(&package(&format!("source = {REGISTRY}\n"))), 1);
        assert_eq!(breaches(&package("source = \"git+https://example.com/x\"\n")), 1);
        assert_eq!(breaches(&package("")), 1);
    }
}
