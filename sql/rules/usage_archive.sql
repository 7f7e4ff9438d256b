alter table carrel.usage_archive enable row level security;

create or replace trigger usage_archive_check_privileges
    before insert or delete or update or truncate on carrel.usage_archive
    for each statement execute function carrel.check_privileges();

comment on table carrel.usage_archive is 'Usage events of deleted users, for the books, without anything that names the user.';
comment on column carrel.usage_archive.event_id is 'The id that the event had.';
comment on column carrel.usage_archive.pseudonym is 'Random; holds one user''s events together.';
comment on column carrel.usage_archive.event_type is 'What was used.';
comment on column carrel.usage_archive.tokens_used is 'Tokens.';
comment on column carrel.usage_archive.cost is 'Money.';
comment on column carrel.usage_archive.model is 'The model that was used.';
comment on column carrel.usage_archive.token_types is 'Tokens by type.';
comment on column carrel.usage_archive.voids is 'The event that this one takes back.';
comment on column carrel.usage_archive.occurred_at is 'When it was used.';
comment on column carrel.usage_archive.archived_at is 'When the user was deleted.';
comment on column carrel.usage_archive.delete_after is 'When the row is deleted; null: it is kept for good.';
