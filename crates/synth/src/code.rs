//! Templates of code, of sentences and of headings; slots as in [`crate::text`].

/// Blocks of code by the language of their fence.
pub(crate) const CODE: [(&str, &[&str]); 9] = [
    (
        "bash",
        &[
            "curl -s \"^u/v1/^d?limit=^9\" | jq '.^n'",
            "npm install ^t",
            "pip install ^t && python ^f --^n ^9",
            "export ^U_KEY=\"your-^n\"\n^x ^v --^n ^f",
            "git clone ^u/^t.git && cd ^t",
            "openclaw ^v ^t --^n \"^d ^n\"",
            "for f in *.json; do\n  ^v \"$f\" > out/^n.txt\ndone",
            "mkdir -p ~/.^t && cp ^f ~/.^t/",
        ],
    ),
    (
        "python",
        &[
            "import json\nimport requests\n\ndef ^i(^n, ^n_id=None):\n    response = requests.get(f\"^u/{^n_id}\", timeout=^9)\n    response.raise_for_status()\n    return response.json()[\"^d\"]",
            "class ^T:\n    def __init__(self, ^n):\n        self.^n = ^n\n\n    def ^i(self):\n        return [x for x in self.^n if x.get(\"^d\")]",
            "with open(\"^f\") as f:\n    ^n = json.load(f)\nprint(len(^n), \"^d ^n\")",
            "from ^t import ^T\n\nclient = ^T(api_key=key)\nresult = client.^i(^n=\"^d\", limit=^9)",
        ],
    ),
    (
        "json",
        &[
            "{\n  \"^n\": \"^d\",\n  \"^i\": ^9,\n  \"^n\": [\"^t\", \"^d\"]\n}",
            "{\"type\": \"^n\", \"id\": \"^h\", \"^d\": {\"^n\": true, \"^n_count\": ^9}}",
        ],
    ),
    (
        "yaml",
        &[
            "^n:\n  ^d: ^t\n  ^n: ^9\n  enabled: true",
            "- name: ^v ^d\n  uses: ^t@v^9\n  with:\n    ^n: ^f",
        ],
    ),
    (
        "js",
        &[
            "const ^n = await fetch(`^u/^d/${id}`);\nconst data = await ^n.json();\nconsole.log(data.^d);",
            "export async function ^i(^n) {\n  if (!^n) throw new Error(\"missing ^n\");\n  return client.^v({ ^n, limit: ^9 });\n}",
            "import { ^T } from \"^t\";\nmodule.exports = { ^n: ^9, ^d: \"^t\" };",
        ],
    ),
    (
        "ts",
        &[
            "interface ^T {\n  ^n: string;\n  ^d?: number;\n}",
            "export const ^i = (^n: string): Promise<^T> => api.^v(\"/^d\", { ^n });",
        ],
    ),
    (
        "sql",
        &[
            "SELECT ^n, count(*) FROM ^d_^n WHERE ^n > ^9 GROUP BY ^n;",
            "INSERT INTO ^t (^n, ^d) VALUES (^9, '^t');",
        ],
    ),
    (
        "text",
        &[
            "^t/\n├── SKILL.md\n├── ^f\n└── scripts/^f",
            "User: ^v the ^a ^d\nAgent: here is the ^n of ^t",
        ],
    ),
    (
        "html",
        &[
            "<div class=\"^n\">\n  <a href=\"^u\">^d ^n</a>\n</div>",
            "<script src=\"^u/^w.js\"></script>",
        ],
    ),
];

/// Headings.
pub(crate) const HEADINGS: &[&str] = &[
    "Overview",
    "Usage",
    "Installation",
    "Configuration",
    "Examples",
    "When to Use",
    "API Reference",
    "Troubleshooting",
    "Notes",
    "Security",
    "Quick Start",
    "Requirements",
    "Workflow",
    "Commands",
    "Output Format",
    "Best Practices",
    "^v ^d",
    "Error Handling",
    "Limits",
    "The ^a ^n",
    "Step ^9: ^v the ^n",
    "^T",
    "Environment Variables",
    "Rate Limits",
    "References",
];

/// Sentences; the first are the most frequent.
pub(crate) const FRAMES: &[&str] = &[
    "Use this skill when the user wants to ^v ^d ^n.",
    "^v the ^a ^n with `^i`.",
    "Get your API key from ^u and set `^U_KEY`.",
    "The ^n returns a list of ^d ^n in JSON format.",
    "If the ^n is missing, ^v the ^a ^n first.",
    "Run `^f` to ^v the ^n.",
    "^v and ^v ^d from ^T.",
    "Make sure that the ^n is ^a before you ^v it.",
    "This ^n supports ^a ^d, ^d and ^n.",
    "You can ^v up to ^9 ^n per ^n.",
    "For each ^d, ^v the ^n and the ^n of the ^d.",
    "Requires ^x ^9 or later and a ^a ^n.",
    "Default is ^9; set `^n_^n` to change it.",
    "Do not ^v the ^n more than ^9 times.",
    "To ^v a ^n, send a request to `/^d/^n`.",
    "^T is a ^a ^n for ^d and ^n.",
    "When the user asks about ^d, ^v the ^n and show a short ^n.",
    "Add the ^n to your ^x config.",
    "The ^d ^n is stored in `~/.^t/^f`.",
    "Returns the ^a ^n of the ^d.",
    "See ^u for the full ^n.",
    "Always ^v the ^n in the ^d ^n.",
    "Supports ^x, ^x and ^x.",
    "It will ^v the ^n, ^v the ^d, and ^v a ^a ^n.",
    "Check the ^n if the ^d does not ^v.",
    "Works with ^T and any ^a ^n on ^x.",
    "Each ^n has a ^n, a ^d and a ^a ^n.",
    "Keep the ^n ^a and the ^n short.",
    "The script ^t reads the ^n from the ^d.",
    "Example: ^v ^t with ^d ^9.",
    "Wait ^9 seconds between each ^n.",
    "Set the ^n to `^t` for ^a ^d.",
    "Only ^v a ^n that the user has asked for.",
    "After that, the ^t ^n is ^a and you can ^v the ^d.",
    "^v ^9 ^n at a time to stay below the rate limit.",
    "In ^a mode the ^n uses ^t in place of ^t.",
    "There is no ^n for ^a ^d yet.",
    "A ^d can have more than one ^n.",
    "This is based on the ^t ^n by ^T.",
    "Then open the ^n and look for ^t.",
    "Costs about ^9 credits a ^n.",
    "Compare the ^d with the ^n from ^t.",
    "Ask for the ^n when the ^d is not clear.",
    "Sort by ^n, then by ^d.",
    "The ^a ^n is the one with the most ^d.",
    "Use `^x` and `^x` together for ^d.",
    "All ^n are in UTC and all ^d in metric units.",
    "Errors come back as `{\"error\": \"^n\"}` with status ^9.",
    "We ^v the ^n daily and keep ^9 of them.",
    "Please ^v the ^n in the language of the user.",
];

/// Sentences that are made of slots alone, as most of what people write repeats no one's words.
pub(crate) const LOOSE: &[&str] = &[
    "^v ^p ^a ^n ^o ^p ^d ^n.",
    "^v ^d ^n ^o ^p ^n, ^c ^v ^p ^n.",
    "^p ^n ^c ^v ^p ^d ^o ^t.",
    "^t ^n — ^a ^d, ^n ^o ^n.",
    "^p ^a ^n ^o ^d ^c ^v ^t ^n.",
    "^o ^p ^d, ^v ^p ^n ^c ^v ^t.",
    "^n ^o ^p ^d ^n ^c ^v ^o ^p ^n.",
    "^v `^i` ^o ^p ^n ^c ^t ^n.",
    "^a ^n ^o ^x → ^d, ^n, ^t.",
    "^o ^p ^n, ^p ^d ^n ^c ^v ^n ^o ^t.",
    "^v ^p ^n, ^v ^p ^d, ^c ^v ^p ^n ^o ^p ^n.",
    "^c ^v ^t ^o ^p ^a ^d ^n.",
];
