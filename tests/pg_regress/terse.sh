#!/bin/sh
# How pg_regress starts psql: errors without their context, which differs from one version of PostgreSQL to another.
exec "$@" -v VERBOSITY=terse
