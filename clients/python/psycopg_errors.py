"""What an application does about errors: the SQLSTATE says which, the HINT what to do next."""

import psycopg
from psycopg.types.json import Jsonb

from carrel import as_user

with psycopg.connect(user="service_role") as service:
    (ada,) = service.execute("select carrel.create_user(name => 'Ada')").fetchone()

connection = psycopg.connect(user="authenticated", autocommit=True)


def shown(statement, arguments=(), user=ada):
    try:
        with as_user(connection, user):
            connection.execute(statement, arguments)
    except psycopg.Error as error:
        hint = error.diag.message_hint or ""
        print(error.sqlstate, type(error).__name__, "|", error.diag.message_primary, "|", hint)
    else:
        raise AssertionError(f"this should have failed: {statement}")


# Those of Postgres have a class of psycopg's own; PTxyz are what PostgREST turns into HTTP xyz.
shown("select carrel.search_chunks('tea', max_results => -1)")
shown("select carrel.search_chunks('tea')", user=None)
shown("update carrel.user_profiles set plan_type = 'pro'")
shown("select carrel.cancel_request(carrel.uuid_v7())")
shown("select carrel.patch_session_state(carrel.create_session(), %s, expected_version => 7)", [Jsonb({"a": 1})])

# The superuser's part: a hard limit, here of one document.
with psycopg.connect(user="postgres") as owner:
    owner.execute("update carrel.plan_limits set limit_value = 1, enforcement = 'hard' where measure = 'documents'")
with as_user(connection, ada):
    connection.execute("select carrel.add_document('one.md', 'One.')")
shown("select carrel.add_document('two.md', 'Two.')")
