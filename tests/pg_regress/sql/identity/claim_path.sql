-- carrel.identity_claim names the claim that is the tenant. With a path, an organisation is.
load 'carrel';
\pset format unaligned
create function pg_temp.who(claim text, claims text) returns text language plpgsql as $$
begin
    perform set_config('carrel.identity_claim', claim, true), set_config('request.jwt.claims', claims, true);
    return public.outcome('select carrel.current_user_id()');
end
$$;

show carrel.identity_claim;

begin;
select claim, claims, pg_temp.who(claim, claims) from (values
    ('sub', '{"sub": "11111111-1111-1111-1111-111111111111", "user_id": "22222222-2222-2222-2222-222222222222"}'),
    ('user_id', '{"sub": "11111111-1111-1111-1111-111111111111", "user_id": "22222222-2222-2222-2222-222222222222"}'),
    ('app_metadata.org_id', '{"sub": "11111111-1111-1111-1111-111111111111", "app_metadata": {"org_id": "22222222-2222-2222-2222-222222222222"}}'),
    ('app_metadata.org_id', '{"sub": "11111111-1111-1111-1111-111111111111"}'),
    ('app_metadata.org_id', '{"sub": "11111111-1111-1111-1111-111111111111", "app_metadata": null}'),
    ('app_metadata.org_id', '{"app_metadata": {"org_id": null}}'),
    ('app_metadata.org_id', '{"app_metadata": {"org_id": "acme"}}'),
    ('app_metadata.org_id', '{"app_metadata": "11111111-1111-1111-1111-111111111111"}'),
    ('app_metadata.org_id', '{"app_metadata.org_id": "11111111-1111-1111-1111-111111111111"}')
) as given (claim, claims);
rollback;

-- The same claims name another tenant as soon as another claim is asked for.
begin;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111", "org": "22222222-2222-2222-2222-222222222222"}';
select carrel.current_user_id();
set local carrel.identity_claim = 'org';
select carrel.current_user_id();
rollback;

-- The claim of older PostgREST goes by its name too; act_as() sets the claim that is asked for.
begin;
set local carrel.identity_claim = 'org';
set local request.jwt.claim.sub = '11111111-1111-1111-1111-111111111111';
select carrel.current_user_id() is null as nobody;
set local request.jwt.claim.org = '22222222-2222-2222-2222-222222222222';
select carrel.current_user_id();
rollback;

begin;
set local carrel.identity_claim = 'app_metadata.org_id';
select carrel.act_as('22222222-2222-2222-2222-222222222222');
select carrel.current_user_id(), current_setting('request.jwt.claims') as claims;
rollback;

-- Only a superuser decides which claim it is.
begin;
set local role carrel_regress_user;
set local carrel.identity_claim = 'other';
rollback;

-- Not even before the session has loaded the library, when Postgres takes any setting.
\c -
begin;
set local role carrel_regress_user;
set local carrel.identity_claim = 'org';
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111", "org": "22222222-2222-2222-2222-222222222222"}';
select carrel.current_user_id();
show carrel.identity_claim;
select name from carrel.user_profiles;
rollback;
