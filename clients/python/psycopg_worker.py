"""A worker: claims requests of all users, does them, says what they cost. Run as many as you like."""

import psycopg
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

from carrel import as_user


def answer(content):
    """Asks a model; here, one that is quick and can't do poems."""
    if "poem" in content:
        raise ValueError("no poems")
    return {"answer": content.upper()}


def work(service, worker):
    """Does what there is to do, one at a time; returns how many."""
    done = 0
    while request := service.execute(
        "select id, lease_token, content from carrel.claim_requests(%s, lease => '1 minute')", [worker]
    ).fetchone():
        try:
            results = answer(request.content)
        except ValueError as error:
            service.execute(
                "select carrel.fail_request(%s, %s, %s)",
                [request.id, request.lease_token, Jsonb({"message": str(error)})],
            )
        else:
            service.execute(
                "select carrel.complete_request(%s, %s, %s, tokens => %s, cost => %s)",
                [request.id, request.lease_token, Jsonb(results), 210, "0.0004"],
            )
        done += 1
    return done


# Each statement is a transaction, so that nothing stays open while the model thinks.
service = psycopg.connect(user="service_role", autocommit=True, row_factory=namedtuple_row)
ada = service.execute("select carrel.create_user(name => 'Ada') as id").fetchone().id
users = psycopg.connect(user="authenticated", autocommit=True)

with as_user(users, ada):
    for content in ("Which tea is the mildest?", "A poem about tea"):
        users.execute("select carrel.create_request('chat', %s, max_attempts => 1)", [content])

print("done:", work(service, "worker 1"))

with as_user(users, ada):
    for row in users.execute("select content, status, results, error from carrel.agent_requests order by id"):
        print(row)
    print(users.execute("select tokens_used, cost from carrel.usage_events order by id").fetchall())
