-- What a query may be made of: optional words, binding phrases, words that must not be there, beginnings
-- of words, names of files.
\pset format unaligned
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values
    ('One', 'To restore a backup, stop the server. Then run pg_restore.'),
    ('Two', 'A backup of the server is made every night; restore it when needed.'),
    ('Three', 'The server''s configuration is in etc/carrel/server.conf, and src/lib.rs reads it.'),
    ('Four', 'Run a/b tests before you configure anything. See docs.example.com.'),
    ('Five', 'Nothing of that.');

create function pg_temp.found(query text) returns text language plpgsql as $$
begin
    return public.outcome(format('select coalesce(string_agg(filename || '' '' || matched, '', '' order by filename), ''-'') from carrel.search_chunks(%L)', query));
end
$$;
create function pg_temp.documents(query text) returns text language plpgsql as $$
begin
    return public.outcome(format('select coalesce(string_agg(filename, '', '' order by filename), ''-'') from carrel.search_documents(%L)', query));
end
$$;

select query, pg_temp.found(query) as chunks, pg_temp.documents(query) as documents from (values
    -- A question; words of which some are nowhere.
    ('how do I restore a backup?'), ('restore unicorns'),
    -- Phrases bind, over stop words, and in their order.
    ('"restore a backup"'), ('"restore the backup"'), ('"backup restore"'), ('"restore a backup" configuration'), ('"the server" "every night"'), ('“every night”'), ('"unicorn" server'),
    ('"restore'), ('""'), ('" "'), ('"the"'), ('server ""'),
    -- So does a minus.
    ('server -backup'), ('server -"every night"'), ('server -unicorn'), ('-server'), ('- server'), ('server -'), ('server --backup'), ('server-backup'), ('server -"'), ('backup -the'), ('server -conf*'),
    -- Or is what words are anyway.
    ('restore or configure'), ('OR'), ('or server'), ('server or'),
    -- Beginnings of words.
    ('conf*'), ('config*'), ('backups*'), ('configuration*'), ('*'), ('con*fig'), ('unicorn*'), ('"conf*"'), ('-conf* server'), ('THE*'),
    -- Names and their parts.
    ('pg_restore'), ('restore_pg'), ('src/lib.rs'), ('lib.rs'), ('lib'), ('src/main.rs'), ('a/b'), ('server.conf'), ('etc'), ('/etc/carrel'), ('example'), ('docs.example.com'), ('-src/lib.rs server'), ('"src/lib.rs reads"')
) as given (query);

-- A phrase may be anywhere in a document, and what must not be there may be nowhere in it.
insert into carrel.documents (filename, content_text) values
    ('Long', 'Copper kettles whistle.' || repeat(E'\n\nSome other sentence entirely, and one more.', 60) || E'\n\nTin kettles rattle.');
select query, pg_temp.documents(query) as documents from (values ('"copper kettles" "tin kettles"'), ('kettles -tin'), ('whistle rattle'), ('"kettles copper"')) as given (query);
select chunk_index, matched from carrel.search_chunks('kettles -tin');

-- In the file name as well.
insert into carrel.documents (filename, content_text) values ('windows.txt', 'Wash with vinegar.'), ('floors.txt', 'Wash with soap.');
select filename from carrel.search_chunks('wash -windows');
select filename from carrel.search_documents('wash -windows');
rollback;
