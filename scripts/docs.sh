#!/usr/bin/env bash
# Builds the book of docs/ into target/book, and checks that every link of its pages leads to a file and an anchor there.
source "$(dirname "$0")/env.sh"

cd "$ROOT"
scripts/setup.sh --docs
rm -rf "$TARGET/book"
"$TOOLS/bin/mdbook" build --dest-dir "$TARGET/book"

python3 - "$TARGET/book" <<'PYTHON'
import pathlib, re, sys
from urllib.parse import unquote

book = pathlib.Path(sys.argv[1])
pages = {page: page.read_text() for page in book.glob("*.html") if page.name != "404.html"}
anchors = {page: set(re.findall(r'\sid="([^"]+)"', text)) for page, text in pages.items()}
broken = []
for page, text in pages.items():
    for link in re.findall(r'<a\s[^>]*href="([^"]*)"', text):
        if re.match(r"[a-z]+:", link) or link == "#":
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target in anchors and anchor not in anchors[target]):
            broken.append(f"{page.name}: {link}")
print("\n".join(sorted(set(broken))) or f"{len(pages)} pages in {book}/index.html")
sys.exit(bool(broken))
PYTHON
