-- Where files wait in the loading session: any bytes, so the name is in hex and the content in base64.
set client_min_messages = warning;
create temp table incoming (name text not null, content text not null);
grant select on incoming to authenticated;

-- The bytes as text; null where they are no valid UTF-8 or contain NUL, which no text of Postgres' can.
create function pg_temp.as_text(bytes bytea) returns text language plpgsql immutable as $$
begin
    return convert_from(bytes, 'UTF8');
exception when character_not_in_repertoire or untranslatable_character then
    return null;
end
$$;
