-- authenticate() verifies a token and acts as its user for the rest of the transaction. The tokens expire in 2100.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
\pset format unaligned
\pset null '(null)'
\set ada eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaHR0cHM6Ly90ZXN0cy5leGFtcGxlIiwgInN1YiI6ICIxMTExMTExMS0xMTExLTExMTEtMTExMS0xMTExMTExMTExMTEiLCAiZXhwIjogNDEwMjQ0NDgwMH0.Gv5vdqiRnQ3raOCWUDgn2GnuEsaK6YvZ23dIwC-ujWk
\set bob eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaHR0cHM6Ly90ZXN0cy5leGFtcGxlIiwgInN1YiI6ICIyMjIyMjIyMi0yMjIyLTIyMjItMjIyMi0yMjIyMjIyMjIyMjIiLCAiZXhwIjogNDEwMjQ0NDgwMH0.sUn7TW4H59B0FAEdgi1JKL7fti01GV_aVhMQAz0ae8s

begin;
insert into carrel.jwt_keys (issuer, algorithm, key)
    values ('https://tests.example', 'HS256', 'a secret of the tests, 32 bytes or more');
set local carrel.identity_source = 'token';
set local role carrel_regress_user;

-- Claims and act_as() make nobody.
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select carrel.current_user_id();
select carrel.act_as('22222222-2222-2222-2222-222222222222');
select carrel.current_user_id();
select * from carrel.search_chunks('herons');

-- A token makes its user.
select carrel.authenticate(:'ada');
select carrel.current_user_id();
select name from carrel.user_profiles;
select carrel.authenticate(:'bob');
select name from carrel.user_profiles;

-- With a savepoint it goes.
savepoint s;
select carrel.authenticate(:'ada');
rollback to s;
select name from carrel.user_profiles;

-- A token that fails keeps the user of before; null is nobody.
select carrel.authenticate(:'ada' || 'x');
select carrel.authenticate('eyJhbGciOiAibm9uZSJ9.eyJpc3MiOiAiaHR0cHM6Ly90ZXN0cy5leGFtcGxlIiwgInN1YiI6ICIxMTExMTExMS0xMTExLTExMTEtMTExMS0xMTExMTExMTExMTEiLCAiZXhwIjogNDEwMjQ0NDgwMH0.CmBWPYevhwwJgtXJM183JVRnSJfYRytigIEC3ZBl1Xc');
select carrel.authenticate('Bearer ' || :'ada');
select name from carrel.user_profiles;
select carrel.authenticate(null);
select name from carrel.user_profiles;

-- Nothing else writes it.
set local carrel.verified_user = '11111111-1111-1111-1111-111111111111';
select carrel.current_user_id();
rollback;

-- Outside of a transaction block it would be lost at once; a warning says so.
insert into carrel.jwt_keys (issuer, algorithm, key)
    values ('https://tests.example', 'HS256', 'a secret of the tests, 32 bytes or more');
select carrel.authenticate(:'ada');
select carrel.current_user_id();
delete from carrel.jwt_keys;
