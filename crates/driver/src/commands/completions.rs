//! `clawsig completions` and `clawsig man`: the command line as a shell and a reader need it.

use std::{
    io::{self, Write as _},
    path::Path,
};

use clap::CommandFactory;

use crate::{
    Error, ExitStatus,
    cli::{Cli, CompletionsArgs, ManArgs},
    files, terminal,
};

/// Prints the completion script of a shell.
pub(crate) fn completions(arguments: &CompletionsArgs) -> Result<ExitStatus, Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "clawsig", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Done)
}

/// Prints the manual page, or writes one page a command into a folder.
pub(crate) fn man(arguments: &ManArgs) -> Result<ExitStatus, Error> {
    let command = Cli::command();
    match &arguments.out {
        None => {
            let mut page = Vec::new();
            render(command, &mut page).map_err(Error::Output)?;
            terminal::print(&String::from_utf8_lossy(&page))?;
        }
        Some(folder) => {
            files::create_folder(folder)?;
            // Fills in the usage of each command.
            let mut command = command;
            command.build();
            let commands: Vec<_> = command.get_subcommands().cloned().collect();
            for one in commands.iter().filter(|one| one.get_name() != "help") {
                write(folder, &format!("clawsig-{}", one.get_name()), one.clone())?;
            }
            write(folder, "clawsig", command)?;
        }
    }
    Ok(ExitStatus::Done)
}

fn render(command: clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let examples = command.get_after_help().map(ToString::to_string);
    let mut made = Vec::new();
    clap_mangen::Man::new(command).render(&mut made)?;
    let made = String::from_utf8_lossy(&made);
    // What follows the help is one filled paragraph to clap_mangen, and examples are lines.
    let rest = made.split_once(".SH EXTRA\n");
    let (Some((before, after)), Some(examples)) = (rest, examples) else {
        return page.write_all(made.as_bytes());
    };
    let after = after.find("\n.SH ").map_or("", |at| &after[at + 1..]);
    write!(page, "{before}.SH EXAMPLES\n{}{after}", roff_of(&examples))
}

/// Examples as troff: lines that begin with blanks stay lines, others fill paragraphs.
fn roff_of(examples: &str) -> String {
    let mut text = String::new();
    let mut as_lines = false;
    for line in examples.lines().filter(|line| *line != "Examples:") {
        if line.starts_with(' ') != as_lines {
            as_lines = !as_lines;
            text.push_str(if as_lines { ".nf\n" } else { ".fi\n" });
        }
        let line = line.trim().replace('\\', "\\e").replace('-', "\\-");
        match line.chars().next() {
            None => text.push_str(".PP"),
            // Not a request.
            Some('.' | '\'') => text.push_str("\\&"),
            Some(_) => {}
        }
        text.push_str(&line);
        text.push('\n');
    }
    if as_lines {
        text.push_str(".fi\n");
    }
    text
}

fn write(folder: &Path, name: &str, command: clap::Command) -> Result<(), Error> {
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    render(command, &mut page).map_err(Error::io("write", &path))?;
    files::write_text(&path, &String::from_utf8_lossy(&page))
}
