"""A user adds documents and finds what is in them."""

import uuid

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from carrel import as_user

# Where the database is, PGHOST and PGDATABASE say. Services make users; end users do the rest.
with psycopg.connect(user="service_role") as service:
    (ada,) = service.execute("select carrel.create_user(name => 'Ada')").fetchone()

connection = psycopg.connect(user="authenticated", row_factory=dict_row, autocommit=True)

with as_user(connection, ada):
    row = connection.execute(
        "insert into carrel.documents (filename, content_text, metadata) values (%s, %s, %s)"
        " returning id, user_id, processing_status, created_at",
        ["tea.md", "# Green tea\n\nBrew green tea at 80 °C for two minutes.", Jsonb({"shelf": 3})],
    ).fetchone()
    assert row["user_id"] == ada and row["created_at"].tzinfo
    print("inserted:", row["processing_status"])

    added = connection.execute(
        "select carrel.add_document(%s, %s, metadata => %s) as id",
        ["coffee.md", "# Filter coffee\n\nTake sixty grams of beans for a litre.", Jsonb({"shelf": 4})],
    ).fetchone()
    assert isinstance(added["id"], uuid.UUID)

with as_user(connection, ada):
    for hit in connection.execute(
        "select filename, heading_path, snippet, score from carrel.search_chunks(%s, max_results => %s)",
        ["How long do I brew green tea?", 5],
    ):
        print("found:", hit["filename"], hit["heading_path"], hit["snippet"].splitlines()[-1])
        assert hit["score"] > 0

    # An array and a document of JSON as arguments.
    one = connection.execute(
        "select filename from carrel.search_chunks('beans or minutes', document_ids => %s, metadata => %s)",
        [[row["id"], added["id"]], Jsonb({"shelf": 4})],
    ).fetchall()
    print("filtered:", [hit["filename"] for hit in one])

# What goes wrong inside is undone, and the identity with it.
try:
    with as_user(connection, ada):
        connection.execute("delete from carrel.documents")
        connection.execute("select 1 / 0")
except psycopg.errors.DivisionByZero:
    pass
with as_user(connection, ada):
    print("documents:", connection.execute("select count(*) from carrel.documents").fetchone()["count"])
print("nobody's:", connection.execute("select count(*) from carrel.documents").fetchone()["count"])
