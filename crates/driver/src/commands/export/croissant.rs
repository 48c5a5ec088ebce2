//! `clawsig export croissant`: the run's rows with a Croissant 1.0 description (JSON-LD), so that
//! a loader knows files, hashes, columns and types.

use clawsig_schema::{
    Split,
    profile::DataProfile,
    signal::{Signal, SignalKind},
    source::SourceRecord,
};
use serde_json::{Value, json};

use super::place::FolderPlace;
use crate::{
    Error,
    cli::{ExportTo, Global},
    files,
    finished::FinishedRun,
    stages::Stage,
    terminal::counted,
};

/// The study's dataset; its live edition's name is longer.
const STUDIED: &str = "OpenClaw/clawhub-security-signals";

/// The columns of a signals file that a loader is told of. Lists of a bundle's extensions are left to readers of
/// Parquet: they are two columns that belong together.
fn fields() -> impl Iterator<Item = Signal> {
    let apart = [Signal::BundleExtensions, Signal::BundleExtensionFiles];
    Signal::ALL.iter().copied().filter(move |signal| !apart.contains(signal))
}

/// The type of a column in schema.org's words.
const fn data_type(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Text | SignalKind::TextList => "sc:Text",
        SignalKind::Count | SignalKind::Bytes | SignalKind::CountList => "sc:Integer",
        SignalKind::Number => "sc:Float",
        SignalKind::Flag => "sc:Boolean",
    }
}

/// Writes `croissant.json` and, beside it, the files that it describes.
pub(super) fn export(to: &ExportTo, global: &Global) -> Result<(), Error> {
    let run = FinishedRun::open(&to.run)?;
    let profile: DataProfile = files::read_json(&run.file(Stage::Ingest, "profile.json")?)?;
    let manifest = run.manifest(Stage::Ingest)?;
    let place = FolderPlace::new(to)?;
    let (mut distribution, mut records) = (Vec::new(), Vec::new());
    for &split in Split::ALL {
        let name = format!("signals/{split}.parquet");
        place.copy(&run.file(Stage::Ingest, &name)?, &name)?;
        let Some(output) = manifest.output(&name) else { continue };
        let id = format!("{split}.parquet");
        distribution.push(json!({
            "@type": "cr:FileObject",
            "@id": id,
            "name": id,
            "contentUrl": name,
            "contentSize": format!("{} B", output.bytes),
            "encodingFormat": "application/x-parquet",
            "sha256": output.sha256,
        }));
        records.push(record_set(split, &id));
    }
    let manifest_has = |name| manifest.output(name).is_some();
    let source: Option<SourceRecord> = match manifest_has("source.json") {
        true => Some(files::read_json(&run.file(Stage::Ingest, "source.json")?)?),
        false => None,
    };
    let synthetic = if profile.synthetic { "Synthetic rows made by a generator. " } else { "" };
    let description = format!(
        "{synthetic}Checked, typed rows of a clawsig run: agent skills with the findings of three \
         security scanners and the registry's verdict, a silver label. {} rows, {} rejected.",
        profile.rows, profile.rejected
    );
    let mut document = json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": if profile.synthetic { "clawsig-synthetic-signals" } else { "clawsig-signals" },
        "description": description,
        "distribution": distribution,
        "recordSet": records,
    });
    origin(&mut document, profile.synthetic, source.as_ref());
    files::write_json(&place.path("croissant.json")?, &document)?;
    place.finish(&format!("the rows of {}, described", counted(profile.rows, "skill")), global)
}

/// Whose the rows are, as far as the run knows: of files on disk it does not.
fn origin(document: &mut Value, synthetic: bool, source: Option<&SourceRecord>) {
    let organization = |name: &str| json!({ "@type": "sc:Organization", "name": name });
    let mit = "https://opensource.org/license/mit";
    match source {
        Some(source) => {
            document["url"] = format!("https://huggingface.co/datasets/{}", source.repo).into();
            document["version"] = source.commit.clone().into();
            let owner = source.repo.split('/').next().unwrap_or_default();
            document["creator"] = organization(owner);
            if source.repo.starts_with(STUDIED) {
                document["license"] = mit.into();
                document["citeAs"] = "arXiv:2606.01494".into();
            }
        }
        None if synthetic => {
            document["license"] = mit.into();
            document["creator"] = organization("clawsig's generator of synthetic skills");
        }
        None => {}
    }
}

fn record_set(split: Split, file: &str) -> Value {
    let fields: Vec<Value> = fields()
        .map(|signal| {
            let name = signal.name();
            let mut field = json!({
                "@type": "cr:Field",
                "@id": format!("{split}/{name}"),
                "name": name,
                "description": signal.meaning(),
                "dataType": data_type(signal.kind()),
                "source": { "fileObject": { "@id": file }, "extract": { "column": name } },
            });
            if matches!(signal.kind(), SignalKind::TextList | SignalKind::CountList) {
                field["repeated"] = json!(true);
            }
            field
        })
        .collect();
    json!({
        "@type": "cr:RecordSet",
        "@id": split.as_str(),
        "name": split.as_str(),
        "description": format!("The rows of the split {split}"),
        "key": { "@id": format!("{split}/id") },
        "field": fields,
    })
}

/// The JSON-LD context that Croissant 1.0 prescribes.
fn context() -> Value {
    json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "citeAs": "cr:citeAs",
        "column": "cr:column",
        "conformsTo": "dct:conformsTo",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "data": { "@id": "cr:data", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
        "dct": "http://purl.org/dc/terms/",
        "equivalentProperty": "cr:equivalentProperty",
        "examples": { "@id": "cr:examples", "@type": "@json" },
        "extract": "cr:extract",
        "field": "cr:field",
        "fileProperty": "cr:fileProperty",
        "fileObject": "cr:fileObject",
        "fileSet": "cr:fileSet",
        "format": "cr:format",
        "includes": "cr:includes",
        "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath",
        "key": "cr:key",
        "md5": "cr:md5",
        "parentField": "cr:parentField",
        "path": "cr:path",
        "recordSet": "cr:recordSet",
        "references": "cr:references",
        "regex": "cr:regex",
        "repeated": "cr:repeated",
        "replace": "cr:replace",
        "samplingRate": "cr:samplingRate",
        "sc": "https://schema.org/",
        "separator": "cr:separator",
        "source": "cr:source",
        "subField": "cr:subField",
        "transform": "cr:transform",
    })
}
