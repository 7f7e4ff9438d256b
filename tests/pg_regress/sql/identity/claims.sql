-- current_user_id() is the user that request.jwt.claims names; nobody where it names none; error 28000
-- where what it names is no user. Never somebody else.
\pset format unaligned
create function pg_temp.who(claims text) returns text language plpgsql as $$
begin
    perform set_config('request.jwt.claims', claims, true);
    return public.outcome('select carrel.current_user_id()');
end
$$;

-- A session that never had claims has no identity.
select carrel.current_user_id() is null as nobody;

-- What names a user.
select claims, pg_temp.who(claims) from (values
    ('{"sub": "11111111-1111-1111-1111-111111111111"}'),
    ('{"role": "authenticated", "exp": 1, "sub": "22222222-2222-2222-2222-222222222222", "aud": ["a", "b"]}'),
    (E' {\n  "sub" : "ABCDEF01-2345-6789-abcd-ef0123456789" } ')
) as given (claims);

-- What names nobody: no row is theirs.
select claims, pg_temp.who(claims) from (values
    (''), ('{}'), ('{"sub": null}'), ('{"role": "anon"}'), ('{"Sub": "11111111-1111-1111-1111-111111111111"}')
) as given (claims);

-- What is malformed is an error.
select claims, pg_temp.who(claims) from (values
    ('{"sub": ""}'), ('{"sub": "ada"}'), ('{"sub": 11111111}'), ('{"sub": true}'),
    ('{"sub": ["11111111-1111-1111-1111-111111111111"]}'),
    ('{"sub": {"id": "11111111-1111-1111-1111-111111111111"}}'),
    ('{"sub": "11111111-1111-1111-1111-11111111111"}'), ('{"sub": " 11111111-1111-1111-1111-111111111111"}'),
    ('{"sub": "11111111-1111-1111-1111-111111111111"'), ('11111111-1111-1111-1111-111111111111'),
    ('null'), ('[]'), ('"11111111-1111-1111-1111-111111111111"'), (' ')
) as given (claims);

-- A claim that is there twice could name either; it is malformed.
select pg_temp.who('{"sub": "22222222-2222-2222-2222-222222222222", "sub": "11111111-1111-1111-1111-111111111111"}');

-- After COMMIT a SET LOCAL leaves '' behind: nobody again.
begin;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select carrel.current_user_id();
commit;
select current_setting('request.jwt.claims') = '' as left_empty, carrel.current_user_id() is null as nobody;

-- A user without a profile is a user all the same; they have no rows.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "33333333-3333-3333-3333-333333333333"}';
select carrel.current_user_id(), (select count(*) from carrel.user_profiles) as profiles;
rollback;

-- An end user's query with malformed claims fails; it doesn't read nothing, or everything.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "ada"}';
select count(*) from carrel.user_profiles;
rollback;
