-- One batch of files: inserted by an end user, as an application would, in one transaction. Prints how
-- many documents became of it, their bytes, and how many files were no text.
begin;
set local role authenticated;
select carrel.act_as(:'user_id') \gset

with file as materialized (
    select coalesce(pg_temp.as_text(decode(name, 'hex')), encode(decode(name, 'hex'), 'escape')) as name,
        pg_temp.as_text(decode(content, 'base64')) as content
    from incoming
), added as (
    insert into carrel.documents (filename, file_type, content_text)
    select name,
        case lower(substring(name from '[^.]*$'))
            when 'md' then 'text/markdown'
            when 'markdown' then 'text/markdown'
            when 'rst' then 'text/x-rst'
            else 'text/plain'
        end,
        content
    from file where content is not null
    returning file_size
)
select (select count(*) from added), (select coalesce(sum(file_size), 0) from added),
    (select count(*) from file where content is null);
commit;
truncate incoming;
