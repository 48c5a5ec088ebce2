"""A review sample in the annotation tools' own packages, and their exports back.

review.py CLAWSIG RUN SAMPLE WORK: SAMPLE is what `clawsig adjudicate sample RUN` wrote; exports are
put into the new folder WORK. Label Studio's SDK checks the labelling interface, tasks and
annotations, and its converter, which the server exports by, writes JSON, JSON-MIN and CSV; Argilla
reads settings and records, and writes records nested, flat and as a data set of the Hub. All hold
the same answers, so that `clawsig adjudicate score` must print the same of each.
"""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

import argilla
from argilla.records._io import GenericIO, HFDatasetsIO, JsonIO
from datasets import load_dataset
from label_studio_sdk.converter import Converter
from label_studio_sdk.label_interface import LabelInterface

# Label Studio's users are numbers, Argilla's UUIDs.
REVIEWERS = [7, 8]


def answer(options, item, reviewer):
    """An answer that depends on its place alone; the second reviewer departs now and then."""
    return options[(item + (item % 5 == 0) * (reviewer == REVIEWERS[1])) % len(options)]


def label_studio(sample, work):
    config = (sample / "label_studio.xml").read_text()
    interface = LabelInterface(config)
    interface.validate()
    tasks = json.loads((sample / "label_studio.json").read_text())
    asked = [tag for tag in interface.controls if tag.tag == "Choices"]
    options = {tag.name: list(tag.labels) for tag in asked}
    for at, task in enumerate(tasks):
        assert interface.validate_task(task), task["data"]["item"]
        task["id"] = at + 1
        task["annotations"] = [
            {
                "id": 10 * at + reviewer,
                "completed_by": {"id": reviewer, "email": f"{reviewer}@example.org"},
                "created_at": f"2026-01-01T00:00:0{reviewer}Z",
                "was_cancelled": False,
                "result": [
                    {
                        "id": f"{at}-{reviewer}-{name}",
                        "from_name": name,
                        "to_name": interface.get_control(name).to_name[0],
                        "type": "choices",
                        "value": {"choices": [answer(values, at, reviewer)]},
                    }
                    for name, values in options.items()
                ],
            }
            for reviewer in REVIEWERS
        ]
        assert all(interface.validate_annotation(one) for one in task["annotations"]), at
    export = work / "annotated.json"
    export.write_text(json.dumps(tasks))
    converter = Converter(config, project_dir=None, download_resources=False)
    for form in ["JSON", "JSON_MIN", "CSV"]:
        converter.convert(str(export), str(work / form), form, is_dir=False)
    files = [work / "JSON" / "result.json", work / "JSON_MIN" / "result.json", work / "CSV" / "result.csv"]
    found = [next(file.parent.glob("*")) if not file.exists() else file for file in files]
    return options, len(tasks), found


class Server(BaseHTTPRequestHandler):
    """The one thing that Argilla's client asks a server before it reads a file: who is there."""

    def do_GET(self):
        body = json.dumps({"id": str(UUID(int=1)), "username": "reviewer", "role": "owner"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def connect():
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    argilla.Argilla(api_url=f"http://127.0.0.1:{server.server_port}", api_key="none")


def records(sample, work, options):
    connect()
    settings = argilla.Settings.from_json(sample / "argilla_settings.json")
    settings.validate()
    asked = {question.name: question for question in settings.questions}
    assert list(asked) == list(options)
    assert all(question.labels == options[name] for name, question in asked.items())
    read = JsonIO._records_from_json(sample / "argilla.json")
    fields = {field.name for field in settings.fields}
    for at, record in enumerate(read):
        assert set(record.fields.keys()) == fields, record.id
        for reviewer in REVIEWERS:
            for name, values in options.items():
                response = argilla.Response(
                    name, answer(values, at, reviewer), user_id=UUID(int=reviewer), status="submitted"
                )
                record.responses.add(response)
    nested, flat, hub = work / "nested.json", work / "flat.json", work / "hub.jsonl"
    JsonIO.to_json(read, nested)
    flat.write_text(json.dumps(GenericIO.to_list(read, flatten=True)))
    dataset = argilla.Dataset.__new__(argilla.Dataset)
    dataset._settings = settings
    HFDatasetsIO.to_datasets(read, dataset).to_json(hub)
    return len(read), [nested, flat, hub]


def main():
    clawsig, run, sample, work = map(Path, sys.argv[1:5])
    work.mkdir()
    options, tasks, exports = label_studio(sample, work)
    count, more = records(sample, work, options)
    assert tasks == count == len(load_dataset("json", data_files=str(sample / "argilla.json"), split="train"))
    printed = {}
    for export in exports + more:
        words = [clawsig, "adjudicate", "score", run, export, "--sample", sample, "--format", "json"]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, (export, done.stderr)
        said = done.stdout
        for reviewer in REVIEWERS:
            for name in [f"{reviewer}@example.org", str(UUID(int=reviewer))]:
                said = said.replace(name, str(reviewer))
        score = json.loads(said)
        score.pop("files")
        printed[export] = score
    first = printed[exports[0]]
    for export, score in printed.items():
        assert score == first, f"{export} scores other than {exports[0]}"
    names = ", ".join(f"{name} {version(name)}" for name in ["label-studio-sdk", "argilla", "datasets"])
    print(f"review: {tasks} skills, {len(options)} questions, {len(REVIEWERS)} reviewers, {len(printed)} exports score alike ({names})")


main()
