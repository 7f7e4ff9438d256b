-- act_as() replaces the claims for the rest of the transaction.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
\pset format unaligned
\pset null '(null)'

-- Outside of a transaction block it would be lost at once; a warning says so.
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select carrel.current_user_id();

begin;
set local role carrel_regress_user;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select carrel.current_user_id(), current_setting('request.jwt.claims') as claims;
select name from carrel.user_profiles;

-- Another user, and then nobody.
select carrel.act_as('22222222-2222-2222-2222-222222222222');
select name from carrel.user_profiles;
select carrel.act_as(null);
select carrel.current_user_id();
select name from carrel.user_profiles;
rollback;

-- Claims of older PostgREST don't speak when act_as(null) has cleared the others.
begin;
set local request.jwt.claim.sub = '22222222-2222-2222-2222-222222222222';
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select carrel.current_user_id();
select carrel.act_as(null);
select carrel.current_user_id();
rollback;

-- It is gone with the transaction, and with a savepoint that is rolled back.
begin;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
savepoint before_bob;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
rollback to before_bob;
select carrel.current_user_id();
commit;
select carrel.current_user_id();

-- Claims that were malformed are replaced as well.
begin;
set local request.jwt.claims = 'no json';
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select carrel.current_user_id();
select carrel.act_as('not-a-uuid');
rollback;
