"""A transaction of several statements that costs one round trip: psycopg's pipeline mode."""

import psycopg

from carrel import as_user

with psycopg.connect(user="service_role") as service:
    (ada,) = service.execute("select carrel.create_user(name => 'Ada')").fetchone()
    (bob,) = service.execute("select carrel.create_user(name => 'Bob')").fetchone()

connection = psycopg.connect(user="authenticated", autocommit=True)

# Nothing waits for an answer until one is fetched.
with connection.pipeline(), as_user(connection, ada):
    for number in range(20):
        connection.execute(
            "select carrel.add_document(%s, %s)", [f"{number}.md", f"Page {number} on herons."]
        )
    counted = connection.execute("select count(*), min(user_id::text) from carrel.documents")
    print("in the pipeline:", counted.fetchone() == (20, str(ada)))

# Two users' transactions in one pipeline are two transactions.
with connection.pipeline():
    counts = []
    for user in (ada, bob):
        with as_user(connection, user):
            counts.append(connection.execute("select count(*) from carrel.documents"))
    print("one after the other:", [count.fetchone()[0] for count in counts])

# One that fails takes its transaction with it, and not the connection.
try:
    with connection.pipeline(), as_user(connection, ada):
        connection.execute("delete from carrel.documents")
        connection.execute("select * from carrel.search_chunks('herons', max_results => -1)")
        connection.execute("select count(*) from carrel.documents")
except psycopg.Error as error:
    print("failed:", error.sqlstate)
with as_user(connection, ada):
    print("afterwards:", connection.execute("select count(*) from carrel.documents").fetchone()[0])
