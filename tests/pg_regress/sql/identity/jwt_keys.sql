-- Keys of tokens: what can't verify anything is refused, and says why.
\set ON_ERROR_ROLLBACK on
\pset format unaligned
begin;
select outcome($$insert into carrel.jwt_keys (issuer, algorithm, key) values ('i', $$ || quoted) from (values
    ($$'HS256', 'a secret of the tests, 32 bytes or more')$$),
    ($$'HS256', 'short')$$),
    ($$'HS256', '{"kty": "oct", "k": "c2hvcnQ"}')$$),
    ($$'HS512', 'a secret of the tests, 32 bytes or more')$$),
    ($$'none', '')$$),
    ($$'RS256', 'x')$$),
    ($$'ES256', '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}')$$),
    ($$'ES256', '-----BEGIN EC PRIVATE KEY-----')$$),
    ($$'ES256', '-----BEGIN PUBLIC KEY-----')$$),
    ($$'ES256', '{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}')$$),
    ($$'EdDSA', '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "enc"}')$$),
    ($$'EdDSA', '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "key_ops": ["sign"]}')$$),
    ($$'EdDSA', '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}')$$),
    ($$'Ed25519', '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}')$$)
) as v (quoted);

-- One key of an issuer, id and audience; several of an issuer.
select outcome($$insert into carrel.jwt_keys (issuer, algorithm, key) select issuer, algorithm, key from carrel.jwt_keys$$);
select outcome($$insert into carrel.jwt_keys (issuer, key_id, algorithm, key) select issuer, 'new', algorithm, key from carrel.jwt_keys$$);
select outcome($$update carrel.jwt_keys set key = 'short'$$);
select outcome($$update carrel.jwt_keys set algorithm = 'ES256'$$);
select outcome($$update carrel.jwt_keys set valid_until = valid_from$$);
select outcome($$update carrel.jwt_keys set issuer = ''$$);
select outcome($$update carrel.jwt_keys set key = null$$);
select outcome($$update carrel.jwt_keys set audience = null$$);
select outcome($$update carrel.jwt_keys set valid_until = now()$$);
rollback;
