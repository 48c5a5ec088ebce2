//! `clawsig completions` and `clawsig man`: the command line as a shell and a reader need it.

use std::{io, path::Path};

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
    clap_mangen::Man::new(command).render(page)
}

fn write(folder: &Path, name: &str, command: clap::Command) -> Result<(), Error> {
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    render(command, &mut page).map_err(Error::io("write", &path))?;
    files::write_text(&path, &String::from_utf8_lossy(&page))
}
