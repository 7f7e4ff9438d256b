#!/usr/bin/env python3
"""Finds circles of imports between modules, and fails if there is one.

    circles.py DIRECTORY…   Rust sources (with a lib.rs) or TypeScript; for Rust also between top-level modules
    circles.py --test       checks itself

An import of a name that a module re-exports (`pub use`) counts as an import of the module that defines it. Modules of
tests are left out, and so is lib.rs, which names all modules.
"""
import re
import sys
import tempfile
from pathlib import Path

USE = re.compile(r"^\s*(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);", re.M)
PATH = re.compile(r"(?<![\w:])((?:crate|super|self)(?:::\w+)+)")
TYPESCRIPT_IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]""")


def use_tree(tree, prefix=()):
    """Yields the paths of a use tree, each with the name that it brings into scope."""
    depth, part, parts = 0, "", []
    for c in tree:
        depth += (c == "{") - (c == "}")
        if c == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += c
    for part in filter(None, (p.strip() for p in [*parts, part])):
        if "{" in part:
            head, inner = part.split("{", 1)
            segments = tuple(s.strip() for s in head.split("::") if s.strip())
            yield from use_tree(inner.rsplit("}", 1)[0], prefix + segments)
            continue
        path, _, alias = part.partition(" as ")
        segments = prefix + tuple(s.strip() for s in path.split("::"))
        if segments[-1] == "self":
            segments = segments[:-1]
        yield segments, alias.strip() or segments[-1]


class Rust:
    """The modules of a crate and the edges between them."""

    def __init__(self, root):
        self.text = {}
        for file in sorted(Path(root).rglob("*.rs")):
            module = file.relative_to(root).with_suffix("").parts
            module = module[:-1] if module[-1] in ("mod", "lib", "main") else module
            text = re.sub(r"//[^\n]*", "", file.read_text())
            self.text[module] = re.split(r"#\[cfg\((?:test\)|any\(test)", text)[0]
        self.uses = {module: list(self.read_uses(module)) for module in self.text}

    def read_uses(self, module):
        for use in USE.finditer(self.text[module]):
            for segments, name in use_tree(use.group(2)):
                path = self.absolute(module, segments)
                if path is not None:
                    yield path, name, bool(use.group(1))

    def absolute(self, module, segments):
        if segments[0] == "crate":
            return segments[1:]
        if segments[0] == "self":
            return module + segments[1:]
        count = next((i for i, s in enumerate(segments) if s != "super"), len(segments))
        if count:
            return module[: len(module) - count] + segments[count:]
        return module + segments if module + segments[:1] in self.text else None

    def definer(self, path, depth=0):
        """The module that defines what a path names."""
        length = next(n for n in range(len(path), -1, -1) if path[:n] in self.text)
        module, rest = path[:length], path[length:]
        if rest and depth < 8:
            for target, name, _ in self.uses[module]:
                if name == rest[0] and target != path:
                    return self.definer(target + rest[1:], depth + 1)
        return module

    def edges(self):
        edges = {}
        for module, text in self.text.items():
            body = USE.sub("", text)
            paths = {self.absolute(module, tuple(p.split("::"))) for p in PATH.findall(body)}
            for path, name, is_public in self.uses[module]:
                if path in self.text:
                    items = re.findall(rf"(?<![\w:.]){re.escape(name)}::(\w+)", body)
                    paths |= {path + (item,) for item in items}
                elif not is_public or re.search(rf"(?<![\w:.]){re.escape(name)}\b", body):
                    paths.add(path)
            for child in [m for m in self.text if m and m[:-1] == module]:
                items = re.findall(rf"(?<![\w:.]){re.escape(child[-1])}::(\w+)", body)
                paths |= {child + (item,) for item in items}
            targets = {self.definer(path) for path in paths if path is not None} - {module}
            edges["::".join(module)] = {"::".join(target) for target in targets}
        edges.pop("", None)
        return {m: targets - {""} for m, targets in edges.items()}


def typescript_edges(root):
    edges = {}
    for file in sorted(Path(root).rglob("*.ts")):
        if "node_modules" in file.parts:
            continue
        targets = TYPESCRIPT_IMPORT.findall(file.read_text())
        edges[str(file)] = {str((file.parent / target).resolve()) for target in targets}
    return {str(Path(file).resolve()): targets for file, targets in edges.items()}


def circles(edges):
    """Strongly connected components of more than one module (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(edges.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    sys.setrecursionlimit(10_000)
    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def between_domains(edges):
    domains = {}
    for module, targets in edges.items():
        domain = module.split("::")[0]
        others = {target.split("::")[0] for target in targets} - {domain}
        domains.setdefault(domain, set()).update(others)
    return domains


def check(root):
    if not (Path(root) / "lib.rs").exists():
        return circles(typescript_edges(root))
    edges = Rust(root).edges()
    return circles(edges) + circles(between_domains(edges))


def test():
    def found(files):
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                file = Path(root) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return [[Path(m).name for m in circle] for circle in check(root)]

    lib = {"lib.rs": "mod a; mod b; mod c;"}
    # One way is no circle, nor are comments and tests.
    one_way = {"a.rs": "use crate::b::f;\n// crate::c::g", "b.rs": "#[cfg(test)]\nmod t { use crate::a::x; }"}
    assert found(lib | one_way) == [], found(lib | one_way)
    # By use, by path, by a name that is re-exported, through a third.
    assert found(lib | {"a.rs": "use crate::b::f;", "b.rs": "fn f() { crate::a::g() }"})[0] == ["a", "b"]
    exported = {"a/mod.rs": "mod x;\npub use x::f;", "a/x.rs": "use crate::b::g;", "b.rs": "use crate::a::f;"}
    assert found(lib | exported)[0] == ["a::x", "b"], found(lib | exported)
    three = {"a.rs": "use crate::b;\nfn f() { b::g() }", "b.rs": "use super::c::h;", "c.rs": "use crate::{a::f, b as other};"}
    assert found(lib | three)[0] == ["a", "b", "c"]
    # A parent and its child.
    assert found(lib | {"a/mod.rs": "mod x;\nfn f() { x::g() }", "a/x.rs": "use super::f;"})[0] == ["a", "a::x"]
    # Between domains, of modules that are in no circle themselves.
    apart = {"a/mod.rs": "mod x; mod y;", "a/x.rs": "use crate::b::x::f;", "a/y.rs": "fn g() {}",
             "b/mod.rs": "mod x; mod y;", "b/x.rs": "fn f() {}", "b/y.rs": "use crate::a::y::g;"}
    assert found(lib | apart) == [["a", "b"]], found(lib | apart)
    typescript = {"a.ts": "import { f } from './b.ts';", "b.ts": "export * from './a.ts';"}
    assert found(typescript) == [["a.ts", "b.ts"]]
    assert found({"a.ts": "import { f } from './b.ts';", "b.ts": ""}) == []


def main(arguments):
    if arguments == ["--test"]:
        return test()
    found = [circle for root in arguments for circle in check(root)]
    for circle in found:
        print("these modules import one another in a circle:", ", ".join(circle))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
