-- An application's own BEFORE trigger that changes the text after carrel's: chunks, vector and status are
-- of the text that is stored.
begin;
create function pg_temp.redact() returns trigger language plpgsql as $$
begin
    new.content_text = replace(new.content_text, 'secret', 'redacted');
    return new;
end
$$;
create trigger zz_redact before insert or update on carrel.documents for each row execute function pg_temp.redact();

set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, content_text)
values ('d0000000-0000-0000-0000-000000000001', 'Memo', 'a secret plan'), ('d0000000-0000-0000-0000-000000000002', 'Note', 'a public plan');
select filename, processing_status, content_text, d.search_vector, content, c.search_vector as chunk_vector
from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;

update carrel.documents set content_text = 'another secret' where filename = 'Note';
select filename, processing_status, content_text, d.search_vector, content
from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;
rollback;

-- One that takes the text away leaves nothing of it behind; one that refuses the row leaves no row.
begin;
create function pg_temp.withhold() returns trigger language plpgsql as $$
begin
    if new.filename = 'Refused' then return null; end if;
    new.content_text = null;
    return new;
end
$$;
create trigger zz_withhold before insert or update on carrel.documents for each row execute function pg_temp.withhold();
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values ('Memo', 'a secret plan'), ('Refused', 'a secret plan');
select filename, processing_status, content_text, d.search_vector, content
from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;
rollback;

-- An AFTER trigger that writes documents itself: each has its own chunks.
begin;
create function pg_temp.copy_it() returns trigger language plpgsql as $$
begin
    insert into carrel.documents (filename, content_text) values ('Copy of ' || new.filename, upper(new.content_text));
    return null;
end
$$;
create trigger aa_copy after insert on carrel.documents for each row when (new.filename not like 'Copy%') execute function pg_temp.copy_it();
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values ('Memo', 'one'), ('Note', 'two');
select filename, content_text, content from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;
rollback;
