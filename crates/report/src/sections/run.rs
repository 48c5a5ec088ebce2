//! The section on what was run.

use crate::{
    page::{Block, Section, Table},
    study::StudyResults,
    words::shown,
};

fn pairs(caption: &str, columns: [&str; 2], pairs: &[(String, String)]) -> Block {
    let rows = pairs.iter().map(|(name, value)| vec![shown(name), shown(value)]).collect();
    Table::new(caption, &columns, rows).block()
}

/// Profile, source, hashes, versions, parameters.
pub(super) fn what_was_run(study: &StudyResults) -> Section {
    let run = &study.run;
    let source = if run.synthetic {
        format!("{} (synthetic: generated rows)", shown(&run.source))
    } else {
        shown(&run.source)
    };
    let mut blocks = vec![Block::Text(format!(
        "Profile {}, run {}, on {source}.",
        shown(&run.profile),
        shown(&run.name)
    ))];
    blocks.push(pairs("Inputs by SHA-256", ["Input", "SHA-256"], &run.inputs));
    blocks.push(pairs("Versions", ["Program", "Version"], &run.versions));
    let rows = run.parameters.iter().map(|(key, value)| vec![shown(key), shown(value)]).collect();
    blocks.push(Table::new("Parameters", &["Parameter", "Value"], rows).folded().block());
    Section { id: "run", title: "What was run", blocks }
}

/// The command.
pub(super) fn reproduce(study: &StudyResults) -> Section {
    let command = clawsig_schema::hostile::printable(&study.run.command, 2_000);
    Section {
        id: "reproduce",
        title: "How to reproduce it",
        blocks: vec![
            Block::Text(
                "This command ends in the same bytes on any machine and for any number of \
                 threads, given inputs with the hashes above:"
                    .to_owned(),
            ),
            Block::Code(command),
        ],
    }
}
