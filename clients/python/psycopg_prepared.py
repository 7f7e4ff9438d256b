"""A statement that a connection has prepared serves one user after the other, each their own rows."""

import psycopg

from carrel import as_user

with psycopg.connect(user="service_role") as service:
    users = [service.execute("select carrel.create_user()").fetchone()[0] for _ in range(3)]

# psycopg prepares what is run more than five times; here at once, and with a plan that serves all users.
connection = psycopg.connect(user="authenticated", autocommit=True, prepare_threshold=0)
connection.execute("set plan_cache_mode = force_generic_plan")

for turn in range(30):
    user = users[turn % len(users)]
    with as_user(connection, user):
        connection.execute("select carrel.add_document(%s, 'On herons.')", [f"{turn}.md"])
        own = connection.execute("select user_id from carrel.documents").fetchall()
        assert own == [(user,)] * (turn // len(users) + 1), (turn, own)
        found = connection.execute(
            "select filename from carrel.search_chunks(%s, max_results => 50)", ["herons"]
        ).fetchall()
        assert {int(name[:-3]) % len(users) for (name,) in found} == {turn % len(users)}, (turn, found)

prepared = connection.execute(
    "select count(*), sum(generic_plans) > 60 from pg_prepared_statements where statement like '%carrel%'"
).fetchone()
print("prepared statements, used:", prepared)
