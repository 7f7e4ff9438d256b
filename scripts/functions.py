"""Writes docs/functions.md from the functions that scripts/functions.sql lists. A function is on the page under its
subject; one that is neither in SUBJECTS nor INTERNAL is an error."""

import json
import re
import sys
import textwrap

WIDTH = 100

SUBJECTS = {
    "Identity": "act_as authenticate current_user_id import_jwks",
    "Users": "create_user delete_user erased_files export_user files_to_erase list_users purge_pseudonyms",
    "Documents": "add_document chunk_text claim_documents count_tokens default_language fail_document process_documents rechunk_document "
    "set_document_text",
    "Search": "analyze_text build_context search_chunks search_documents similar_documents suggest",
    "Embeddings": "chunks_to_embed enable_embeddings set_embeddings",
    "Usage": "billing_period check_quota consume_usage current_usage price_usage rebuild_usage record_usage "
    "record_usage_batch release_usage reserve_usage set_plan settle_usage usage_report verify_usage void_usage",
    "Requests": "cancel_request claim_requests complete_request create_request fail_request heartbeat_request "
    "next_wakeup purge_requests retry_request",
    "Sessions": "append_to_session create_session fork_session patch_session_state session_history",
    "Roles": "grant_operator grant_service grant_user revoke_operator revoke_service revoke_user",
    "Operations": "create_views doctor follow_auth_users import_from load_sample_data migrate prepare_owner stats uuid_v7 "
    "version",
}

# Called by carrel's own policies, indexes and queries.
INTERNAL = set(
    "billing_period_start foreign_code installation_id is_operator lease_token search_keys usage_day "
    "usage_payload_hash usage_period usage_tokens".split()
)

HEAD = """# Functions

Every function that you may call, as the catalog of a fresh database describes it. This page is
generated from the comments on the functions; `\\df+ carrel.*` in psql shows the same.

Arguments are named, and new ones are added at the end with a default, so call by name:
`carrel.search_chunks('tea', max_results => 5)`. No function is overloaded.

- **Callers**: end users are roles of `grant_user()`, services of `grant_service()`, operators of
  `grant_operator()`. Superusers may call every function.
- **Volatility**: `stable` and `immutable` functions only read. They work in read-only transactions,
  on standbys, and by GET in PostgREST.
- **Errors** have an SQLSTATE to act on. PostgREST turns PTxyz into HTTP status xyz.

| SQLSTATE | Meaning |
|---|---|
| `22023` | An argument is not valid. |
| `28000` | No user is set, or the identity is malformed. |
| `42501` | The role may not do this. |
| `54000` | A value is too large. |
| `55000` | The database lacks something: tables of this version, embeddings. |
| `P0002` | The user has no profile. |
| `PT402` | A hard limit is reached. |
| `PT404` | There is no such row, or it is another user's. |
| `PT409` | Conflict: a key reused with other arguments, a lost lease, a stale version, a finished request. |
| `PT422` | A time outside of the window that is allowed. |

"""


def wrap(text, indent=""):
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def markdown(text):
    """A comment's paragraphs, wrapped."""
    return "\n\n".join(map(wrap, re.sub(r"([*<])", r"\\\1", text).split("\n\n")))


def plain(sql):
    """A part of a signature without casts, as one would write it."""
    sql = re.sub(r"::[a-z_ ]+(\[\])?", "", sql.replace("timestamp with time zone", "timestamptz"))
    return sql.replace(" DEFAULT ", " default ").replace("NULL", "null").replace("TABLE(", "table(")


def commas(text):
    """Splits at commas that are in no brackets or quotes."""
    return [part.strip() for part in re.split(r",(?![^()]*\))(?=(?:[^']*'[^']*')*[^']*$)", text) if part.strip()]


def signature(function):
    arguments, result = commas(plain(function["arguments"])), plain(function["result"])
    line = f"{function['name']}({', '.join(arguments)}) returns {result}"
    if len(line) <= WIDTH:
        return line
    head = function["name"] + "(" + (("\n    " + ",\n    ".join(arguments) + "\n") if arguments else "") + ")"
    line = f"{head} returns {result}"
    if len(line.splitlines()[-1]) <= WIDTH:
        return line
    columns = commas(result.removeprefix("table(").removesuffix(")"))
    return f"{head} returns table(\n    " + ",\n    ".join(columns) + "\n)"


def callers(function):
    kinds = []
    if function["end_user"]:
        kinds.append("end users")
    elif function["metering"]:
        kinds.append("end users with `self_metering`")
    if function["service"]:
        kinds.append("services")
    if function["operator"]:
        kinds.append("operators")
    return ", ".join(kinds) or "superusers"


functions = {function["name"]: function for function in map(json.loads, sys.stdin)}
subjects = {subject: names.split() for subject, names in SUBJECTS.items()}
listed = sum(subjects.values(), [])
unknown = sorted(set(functions) - set(listed) - INTERNAL)
missing = sorted((set(listed) | INTERNAL) - set(functions))
doubled = sorted({name for name in listed if listed.count(name) > 1})
for what, names in ("in no subject of scripts/functions.py", unknown), ("not in the catalog", missing), ("twice", doubled):
    if names:
        sys.exit(f"functions {what}: {', '.join(names)}")

page = HEAD
for subject, names in subjects.items():
    links = ", ".join(f"[{name}](#{name})" for name in sorted(names))
    page += wrap(f"- [{subject}](#{subject.lower()}): {links}", "  ") + "\n"
for subject, names in subjects.items():
    page += f"\n## {subject}\n"
    for name in sorted(names):
        function = functions[name]
        page += f"\n### {name}\n\n```text\n{signature(function)}\n```\n\n{markdown(function['comment'])}\n\n"
        page += wrap(f"**Callers**: {callers(function)}. **Volatility**: {function['volatility']}.") + "\n"
print(page, end="")
