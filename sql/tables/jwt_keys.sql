-- Keys for carrel.authenticate(), which verifies tokens.
create table carrel.jwt_keys (
    issuer text collate "C" not null,
    key_id text collate "C" not null default '',
    audience text collate "C" not null default '',
    algorithm text not null,
    key text not null,
    valid_from timestamptz not null default '-infinity',
    valid_until timestamptz not null default 'infinity',
    created_at timestamptz not null default now(),
    constraint jwt_keys_pkey primary key (issuer, key_id, audience),
    constraint jwt_keys_issuer_check check (issuer <> ''),
    constraint jwt_keys_algorithm_check check (algorithm in ('RS256', 'ES256', 'EdDSA', 'HS256')),
    constraint jwt_keys_valid_check check (valid_from < valid_until)
);
