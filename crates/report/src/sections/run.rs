//! The section on what was run.

use crate::{
    page::{Block, PageTable, Section},
    study::StudyResults,
    words::shown,
};

fn pairs(pairs: &[(String, String)]) -> Vec<Vec<String>> {
    pairs.iter().map(|(name, value)| vec![shown(name), shown(value)]).collect()
}

/// Profile, source, hashes, versions, parameters.
pub(super) fn what_was_run(study: &StudyResults) -> Section {
    let run = &study.run;
    let source = if run.synthetic {
        format!("{} (synthetic: generated rows)", shown(&run.source))
    } else {
        shown(&run.source)
    };
    let mut rows =
        vec![vec!["Profile".to_owned(), shown(&run.profile)], vec!["Source".to_owned(), source]];
    rows.extend(pairs(&run.versions));
    let blocks = vec![
        PageTable::new("The run", &["What", "Value"], rows).block(),
        PageTable::new("Inputs by SHA-256", &["Input", "SHA-256"], pairs(&run.inputs))
            .hashes(1)
            .block(),
        PageTable::new("Parameters", &["Parameter", "Value"], pairs(&run.parameters))
            .folded()
            .block(),
    ];
    Section { id: "run".to_owned(), title: "What was run".to_owned(), blocks }
}

/// The command.
pub(super) fn reproduce(study: &StudyResults) -> Section {
    let command = clawsig_schema::hostile::printable(&study.run.command, 2_000);
    Section {
        id: "reproduce".to_owned(),
        title: "How to reproduce it".to_owned(),
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
