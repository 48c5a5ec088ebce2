//! `clawsig export croissant`: the run's rows with a Croissant 1.0 description (JSON-LD), so that
//! a loader knows files, hashes, columns and types.

use clawsig_schema::{Split, profile::DataProfile, source::SourceRecord};
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

/// The columns of a signals file that a loader is told of: name, type, whether a list, and what
/// they hold. Lists of a bundle's extensions are left to readers of Parquet.
const FIELDS: [(&str, &str, bool, &str); 31] = [
    ("id", "sc:Text", false, "SHA-256 of the artifact"),
    ("skill_slug", "sc:Text", false, "owner/slug in the registry"),
    ("skill_version", "sc:Text", false, "The skill's version"),
    ("skill_md_content", "sc:Text", false, "The redacted SKILL.md: untrusted text"),
    ("bundle_files", "sc:Integer", false, "Files beside SKILL.md"),
    ("bundle_bytes", "sc:Integer", false, "Their declared sizes, summed"),
    ("bundle_duplicate_paths", "sc:Integer", false, "Paths that occur again in the bundle"),
    ("bundle_unsafe_paths", "sc:Integer", false, "Paths that would leave the bundle's folder"),
    ("clawscan_verdict", "sc:Text", false, "The registry's verdict: a silver label"),
    ("clawscan_confidence", "sc:Text", false, "The judge's confidence; never a feature"),
    ("clawscan_model", "sc:Text", false, "The judge; never a feature"),
    ("clawscan_summary", "sc:Text", false, "The judge's summary; never a feature"),
    ("static_status", "sc:Text", false, "The static scanner's status"),
    ("static_finding_count", "sc:Integer", false, "Its findings"),
    ("static_reason_codes", "sc:Text", true, "Its reason codes"),
    ("static_has_output", "sc:Boolean", false, "Whether it left output"),
    ("virustotal_status", "sc:Text", false, "VirusTotal's status"),
    ("virustotal_verdict_text", "sc:Text", false, "VirusTotal's verdict in words"),
    ("virustotal_malicious_count", "sc:Integer", false, "Engines that say malicious"),
    ("virustotal_suspicious_count", "sc:Integer", false, "Engines that say suspicious"),
    ("virustotal_harmless_count", "sc:Integer", false, "Engines that say harmless"),
    ("virustotal_undetected_count", "sc:Integer", false, "Engines that detect nothing"),
    ("virustotal_has_output", "sc:Boolean", false, "Whether VirusTotal left output"),
    ("skillspector_status", "sc:Text", false, "SkillSpector's status"),
    ("skillspector_score", "sc:Float", false, "SkillSpector's risk score, 0 to 100"),
    ("skillspector_severity", "sc:Text", false, "SkillSpector's severity"),
    ("skillspector_issue_count", "sc:Integer", false, "SkillSpector's issues"),
    ("skillspector_issue_codes", "sc:Text", true, "Their codes"),
    ("skillspector_issue_categories", "sc:Text", true, "Their categories"),
    ("skillspector_has_output", "sc:Boolean", false, "Whether SkillSpector left output"),
    ("split", "sc:Text", false, "The dataset's partition"),
];

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
    let fields: Vec<Value> = FIELDS
        .iter()
        .map(|(name, kind, repeated, about)| {
            let mut field = json!({
                "@type": "cr:Field",
                "@id": format!("{split}/{name}"),
                "name": name,
                "description": about,
                "dataType": kind,
                "source": { "fileObject": { "@id": file }, "extract": { "column": name } },
            });
            if *repeated {
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
