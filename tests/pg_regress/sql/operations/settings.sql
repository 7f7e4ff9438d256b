-- carrel's settings. One that is misspelt is an error, not a setting that nobody reads, once the
-- session has loaded the library (with its first function; session_preload_libraries loads it at once).
load 'carrel';
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
\pset format unaligned
select name, setting, context, short_desc from pg_settings where name like 'carrel.%' order by name;

begin;
set local carrel.processing = 'deferred';
show carrel.processing;
set local carrel.processing = 'later';
set local carrel.procesing = 'deferred';
rollback;

-- An end user may put off processing, and not say who they are by another claim.
begin;
set local role carrel_regress_user;
set local carrel.processing = 'deferred';
set local carrel.identity_claim = 'email';
set carrel.identity_claim = 'email';
select set_config('carrel.identity_claim', 'email', true);
rollback;
