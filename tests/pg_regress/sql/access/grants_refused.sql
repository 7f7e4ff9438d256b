-- Who may not grant, and to whom nobody can.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
begin;
select carrel.grant_user('carrel_regress_nobody');
\echo :LAST_ERROR_SQLSTATE
select carrel.grant_service('carrel_regress_nobody');
\echo :LAST_ERROR_SQLSTATE
select carrel.revoke_user('carrel_regress_nobody');
\echo :LAST_ERROR_SQLSTATE
select carrel.revoke_service('carrel_regress_nobody');
\echo :LAST_ERROR_SQLSTATE
select carrel.grant_user(null);
\echo :LAST_ERROR_SQLSTATE
select carrel.revoke_service(null);
\echo :LAST_ERROR_SQLSTATE

-- Nobody is not PUBLIC.
select carrel.grant_user('public');
\echo :LAST_ERROR_SQLSTATE

-- Users and services have no such function.
set local role carrel_regress_user;
select carrel.grant_user('carrel_regress_user');
set local role carrel_regress_service;
select carrel.grant_service('carrel_regress_stranger');

-- An operator who was given the function, but is no superuser, is refused all the same.
reset role;
grant usage on schema carrel to carrel_regress_stranger;
grant execute on function carrel.grant_user, carrel.migrate, carrel.doctor to carrel_regress_stranger;
set local role carrel_regress_stranger;
select carrel.grant_user('carrel_regress_stranger');
\echo :LAST_ERROR_SQLSTATE
select carrel.migrate();
select check_name from carrel.doctor();
rollback;
