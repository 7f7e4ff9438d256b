#!/usr/bin/env python3
"""Fails where a comment, message or name departs from the project's language (CONTRIBUTING.md, "Language").

A comment begins with a noun or a verb that names the thing, not with a free relative ("What …", "Who …"), and
uses the field's terms. Checked are the comments of Rust and SQL files, and the pages of docs/; for terms also the
string literals and defined names of Rust files without their tests, and all other text of SQL files.

    language.py          checks the repository
    language.py --test   checks this program
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Terms that have a better one, and the better one.
TERMS = {
    r"reckon\w*": "compute, account",
    r"laps(e|es|ed|ing)": "expire",
    r"anew|afresh": "again, or nothing",
    r"undone|upheld": "falls back to SQL, enforced by the caller",
    r"take[ns]? back|took back": "requeue, revoke",
    r"hand(s|ed|ing)? out": "allocate",
    r"by words and by nearness": "by BM25 and by cosine",
    r"whoever|whomever": "name who it is",
}
RELATIVE = re.compile(r"(What|Who|Whose|Whom|Whether|How|Where|Which|Whatever|Wherever|That of|Those of|Of which|In which)\b")
COMMENT = {
    ".rs": re.compile(r"\s*//[/!]?\s?(.*)"),
    ".sql": re.compile(r"\s*--\s?(.*)"),
}
TERM = re.compile(r"\b(" + "|".join(f"(?:{term})" for term in TERMS) + r")\b", re.IGNORECASE)


# Tokens of Rust: comments and characters, which are skipped, literals, and definitions.
RUST = re.compile(
    r"//[^\n]*|'(?:\\.|[^'\\\n])'"
    r'|r(?P<hashes>#+)"(?P<raw>.*?)"(?P=hashes)|"(?P<text>(?:\\.|[^"\\])*)"'
    r"|\b(?:fn|const|static|struct|enum|trait|mod|type)\s+(?P<name>\w+)",
    re.DOTALL,
)


def words(text):
    """Separates the words of names: snake_case and CamelCase."""
    return re.sub(r"([a-z])([A-Z])", r"\1 \2", text).replace("_", " ")


def terms(text):
    """Yields a message for each term in code, of which names are parts."""
    for term in TERM.finditer(words(text)):
        yield f'"{term.group(0)}": {better(term.group(0))}'


def code_faults(path, lines):
    """Yields (line number, message) for literals and names."""
    if path.endswith(".sql"):
        for number, line in enumerate(lines, 1):
            if not line.startswith("comment on "):
                for message in terms(line.split("--")[0]):
                    yield number, message
    elif path.endswith(".rs"):
        code = "\n".join(lines).split("#[cfg(test)]")[0]
        for token in RUST.finditer(code):
            text = next((token[group] for group in ("raw", "text", "name") if token[group]), "")
            for message in terms(text):
                yield code.count("\n", 0, token.start()) + 1, message


def better(word):
    return next(advice for term, advice in TERMS.items() if re.fullmatch(term, word, re.IGNORECASE))


def faults(path, lines):
    """Yields (line number, message) for a file's comments; all lines of a page are text."""
    comment = COMMENT.get(Path(path).suffix)
    is_inside = False
    for number, line in enumerate(lines, 1):
        found = comment.match(line) if comment else None
        if comment and not found:
            is_inside = False
            sql = re.search(r"^comment on .* is '(.*)", line) if path.endswith(".sql") else None
            if not sql:
                continue
            text, begins = sql.group(1), True
        else:
            text = found.group(1) if found else line
            begins = bool(found) and not is_inside and bool(text.strip())
            is_inside = bool(found) and bool(text.strip())
        if begins and (relative := RELATIVE.match(text)):
            yield number, f'a comment begins with "{relative.group(0)}": name the thing'
        for term in TERM.finditer(text):
            yield number, f'"{term.group(0)}": {better(term.group(0))}'


def files():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.split("\0"):
        if name.startswith(("src/", "core/src/", "sql/", "build.rs")) and name.endswith((".rs", ".sql")):
            yield name
        elif name.startswith(("docs/", "README.md")) and name.endswith(".md"):
            yield name


def test():
    rust = ["/// Where a limit was reached.", "fn a() {}", "", "// Keys. Whether one fits is unknown.", "// What it is."]
    assert [n for n, _ in faults("a.rs", rust)] == [1], list(faults("a.rs", rust))
    sql = ["comment on table x is 'What was used.';", "-- leases that lapsed", "select 1 -- anew"]
    assert [n for n, _ in faults("a.sql", sql)] == [1, 2], list(faults("a.sql", sql))
    assert [n for n, _ in faults("a.md", ["A lease lapses.", "Where it is."])] == [1]

    def code(path, text):
        return [n for n, _ in code_faults(path, text.splitlines())]

    assert code("a.sql", "-- lapsed\nselect 'lapsed_at' from reckoned\ncreate trigger begin_anew") == [2, 2, 3]
    assert code("a.rs", "const UPHELD: u8 = b'\"'; // anew\nfn reckon_all() {}\nlet a = \"it\n lapsed\";") == [1, 2, 3]
    assert code("a.rs", "struct TakesBack;\nlet a = r#\"taken \"back\" anew\"#;\nfn elapsed() {}") == [1, 2]
    assert code("a.rs", "fn a() {}\n#[cfg(test)]\nmod tests { const A: &str = \"anew\"; }") == []


def main():
    if sys.argv[1:] == ["--test"]:
        test()
        return 0
    count = 0
    for name in files():
        lines = (ROOT / name).read_text().splitlines()
        for number, message in [*faults(name, lines), *code_faults(name, lines)]:
            print(f"{name}:{number}: {message}")
            count += 1
    if count:
        print(f"{count} departures from the language of CONTRIBUTING.md")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
