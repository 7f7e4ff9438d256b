-- Operators read and edit keys, so they can sign tokens for any user. No other role can read them:
-- an HS256 secret signs tokens as well.
alter table carrel.jwt_keys enable row level security;

drop policy if exists jwt_keys_all_operator on carrel.jwt_keys;
create policy jwt_keys_all_operator on carrel.jwt_keys
    for all using (carrel.is_operator());

create or replace trigger jwt_keys_check_privileges
    before insert or delete or update or truncate on carrel.jwt_keys
    for each statement execute function carrel.check_privileges();

create or replace trigger jwt_keys_check
    before insert or update on carrel.jwt_keys
    for each row execute function carrel.check_jwt_key();

-- Sessions cache keys: this trigger invalidates the cache, on replicas too.
create or replace trigger jwt_keys_forget
    after insert or delete or update on carrel.jwt_keys
    for each row execute function carrel.forget_jwt_keys();
alter table carrel.jwt_keys enable always trigger jwt_keys_forget;

comment on table carrel.jwt_keys is 'Keys that authenticate() verifies tokens with; several of an issuer may be valid at once. Operators edit them, or call import_jwks().';
comment on column carrel.jwt_keys.issuer is 'Issuer: the claim iss of the tokens.';
comment on column carrel.jwt_keys.key_id is 'Key id: the header kid of the tokens. A key without one ('''') is tried for tokens of any kid.';
comment on column carrel.jwt_keys.audience is 'Audience that the claim aud of the tokens has to name; '''': only tokens without aud are accepted.';
comment on column carrel.jwt_keys.algorithm is 'RS256, ES256, EdDSA or HS256; tokens have to be signed with it.';
comment on column carrel.jwt_keys.key is 'Public key as PEM (BEGIN PUBLIC KEY) or JWK; for HS256 the secret, of at least 32 bytes, as text or JWK.';
comment on column carrel.jwt_keys.valid_from is 'Start of the time in which the key is valid (inclusive).';
comment on column carrel.jwt_keys.valid_until is 'End of the time in which the key is valid (exclusive).';
comment on column carrel.jwt_keys.created_at is 'Time of the insert.';
