-- import_jwks() takes the keys of an issuer's key set, again and again.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY default
\pset format unaligned
\pset null '(null)'
begin;
\set one '{"kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "alg": "ES256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}'
\set two '{"kty": "OKP", "crv": "Ed25519", "kid": "two", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}'
\set other '{"kty": "RSA", "kid": "other", "alg": "RS512", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}'
select * from carrel.import_jwks(jsonb_build_object('keys', jsonb_build_array(:'one'::jsonb)), 'https://issuer', 'app');
-- During a rotation the issuer publishes both.
select * from carrel.import_jwks(jsonb_build_object('keys', jsonb_build_array(:'one'::jsonb, :'two'::jsonb, :'other'::jsonb)), 'https://issuer', 'app');
select issuer, key_id, audience, algorithm, key from carrel.jwt_keys order by key_id;
-- Another key by the name of one that is there; what is gone stays, unless it is to be removed.
select * from carrel.import_jwks(jsonb_build_object('keys', jsonb_build_array(:'two'::jsonb || '{"kid": "one"}')), 'https://issuer', 'app');
select * from carrel.import_jwks(jsonb_build_object('keys', jsonb_build_array(:'two'::jsonb)), 'https://issuer', 'app', remove_missing => true);
-- Keys of another audience or issuer are others.
select * from carrel.import_jwks(jsonb_build_object('keys', jsonb_build_array(:'one'::jsonb, :'one'::jsonb)), 'https://issuer', remove_missing => true);
select issuer, key_id, audience, algorithm from carrel.jwt_keys order by audience, key_id;

select * from carrel.import_jwks('{"keys": []}', 'https://issuer', remove_missing => true);
select * from carrel.import_jwks(jsonb_build_object('keys', jsonb_build_array(:'other'::jsonb)), 'https://issuer');
select * from carrel.import_jwks(:'one'::jsonb, 'https://issuer');
select * from carrel.import_jwks('{"keys": []}', '');
select * from carrel.import_jwks(null, 'https://issuer');

-- What is not for verifying is skipped, whatever else it is; Ed25519 is another name of EdDSA.
select * from carrel.import_jwks(jsonb_build_object('keys', jsonb_build_array(
    :'two'::jsonb || '{"alg": "Ed25519"}',
    :'one'::jsonb - 'use' || '{"kid": "verifies", "key_ops": ["sign", "verify"]}',
    :'one'::jsonb || '{"kid": "signs", "key_ops": ["sign"]}',
    :'one'::jsonb || '{"kid": "none", "key_ops": []}',
    :'one'::jsonb || '{"kid": "encrypts", "use": "enc"}',
    :'one'::jsonb || '{"kid": 7}'
)), 'https://issuer', 'purposes');
select * from carrel.import_jwks(jsonb_build_object('keys', jsonb_build_array(:'one'::jsonb || jsonb_build_object('kid', repeat('k', 1025)))), 'https://issuer');
set local role carrel_regress_service;
select * from carrel.import_jwks('{"keys": []}', 'https://issuer');
rollback;
