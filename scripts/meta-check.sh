#!/usr/bin/env bash
# What META.json tells PGXN is true: its versions are Cargo.toml's and the newest of the CHANGELOG, the control file
# takes it from there, and the files that it names exist.
set -euo pipefail
cd "$(dirname "$0")/.."

python3 - <<'PYTHON'
import json, os, re, sys

def first(pattern, file):
    found = re.search(pattern, open(file).read(), re.MULTILINE)
    return found.group(1) if found else None

meta = json.load(open("META.json"))
extensions = meta["provides"]
version = first(r'^version = "(.*)"', "Cargo.toml")
wrong = []

def same(what, given, expected):
    if given != expected:
        wrong.append(f"{what} is {given!r}, not {expected!r}")

same("version", meta["version"], version)
same("the newest version of CHANGELOG.md", first(r"^## (\S+)", "CHANGELOG.md"), version)
same("default_version of carrel.control", first(r"^default_version = '(.*)'", "carrel.control"), "@CARGO_VERSION@")
same("license", meta["license"], first(r'^license = "(.*)"', "Cargo.toml").lower())
same("the oldest PostgreSQL", meta["prereqs"]["runtime"]["requires"]["PostgreSQL"], (first(r"PostgreSQL (\d+) to", "README.md") or "?") + ".0.0")
same("what it provides", list(extensions), [meta["name"]])
for name, extension in extensions.items():
    same(f"version of {name}", extension["version"], version)
    for key in "file", "docfile":
        if not os.path.isfile(extension[key]):
            wrong.append(f"{key} of {name}: {extension[key]}: no such file")
sys.exit("\n".join(f"META.json: {line}" for line in wrong) or 0)
PYTHON
