-- Where request.jwt.claims is unset or empty, request.jwt.claim.sub is read, as PostgREST before
-- version 9 set it. Where both are there, request.jwt.claims decides alone.
\pset format unaligned
create function pg_temp.who(claims text, legacy text) returns text language plpgsql as $$
begin
    perform set_config('request.jwt.claims', claims, true), set_config('request.jwt.claim.sub', legacy, true);
    return public.outcome('select carrel.current_user_id()');
end
$$;

select claims, legacy, pg_temp.who(claims, legacy) from (values
    ('', '22222222-2222-2222-2222-222222222222'),
    ('', ''),
    ('', 'bob'),
    ('', '"22222222-2222-2222-2222-222222222222"'),
    ('{"sub": "11111111-1111-1111-1111-111111111111"}', '22222222-2222-2222-2222-222222222222'),
    ('{"sub": "11111111-1111-1111-1111-111111111111"}', 'bob'),
    ('{"sub": null}', '22222222-2222-2222-2222-222222222222'),
    ('{"role": "anon"}', '22222222-2222-2222-2222-222222222222'),
    ('{"sub": "ada"}', '22222222-2222-2222-2222-222222222222')
) as given (claims, legacy);

-- Policies read it as well.
begin;
set local role carrel_regress_user;
set local request.jwt.claim.sub = '22222222-2222-2222-2222-222222222222';
select name from carrel.user_profiles;
rollback;
