//! Rows whose texts attack whoever shows them: markup, terminal sequences, formulas.

use clawsig_schema::raw::RawRow;

use crate::draw::Draw;

/// What is planted. A page that lets one of the scripts run has a `window.ran`.
const PAYLOADS: [&str; 12] = [
    "<script>window.ran=1;document.title='ran'</script>",
    "\"><img src=x onerror=\"window.ran=1\">",
    "'><svg onload=window.ran=1><a href=javascript:window.ran=1>x</a>",
    "</td></table></section></svg></style><iframe srcdoc='<script>parent.ran=1</script>'>",
    "&lt;script&gt;&#60;script&#62;&amp;lt;",
    "]]>--><!--{{ 7*7 }}{% include x %}${7*7}",
    "\u{1b}[2J\u{1b}[31mred\u{1b}]0;renamed\u{7}\u{9b}31m\r\n\u{8}\u{0c}",
    "\u{202e}\u{2066}exe.gpj\u{2069}\u{200b}\u{feff}\u{e0041}",
    "=cmd()|' /C calc'!A0",
    "@SUM(1+1)*cmd|'x'!A0",
    "](javascript:window.ran=1) **b** | c | `d` ![i](http://evil.invalid/x.png)\n---\n# h\n",
    "../../../../etc/passwd\\..\\x;$(touch x)`touch x`",
];

/// Where a payload becomes 10,000 characters long.
const LONG: usize = 10_000;

/// Plants a payload in every text of the row that is free: the slug's first or second half, version,
/// summary, text, codes, categories and a bundle's first path. Its verdict, flags and split stay.
pub(crate) fn plant(row: &mut RawRow, draw: &mut Draw) {
    let mut payload = draw.pick(&PAYLOADS).to_owned();
    if draw.chance(0.1) {
        payload.push_str(&"A".repeat(LONG));
    }
    if let Some(slug) = &mut row.skill_slug {
        let (owner, name) = slug.split_once('/').unwrap_or_default();
        *slug = if draw.chance(0.5) {
            format!("{owner}/{payload}")
        } else {
            format!("{payload}/{name}")
        };
    }
    row.skill_version.push_str(&payload);
    row.clawscan_summary = Some(payload.clone());
    if let Some(text) = &mut row.skill_md_content {
        text.insert_str(0, &format!("{payload} "));
    }
    for texts in [
        &mut row.static_reason_codes,
        &mut row.skillspector_issue_codes,
        &mut row.skillspector_issue_categories,
    ] {
        // An empty list stays empty, for a finding would be a flag.
        if let Some(first) = texts.first_mut() {
            first.clone_from(&payload);
        }
    }
    if let Some(file) = row.skill_bundle_content.first_mut() {
        file.path = payload;
    }
}
