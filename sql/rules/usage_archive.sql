alter table carrel.usage_archive enable row level security;

create or replace trigger usage_archive_check_privileges
    before insert or delete or update or truncate on carrel.usage_archive
    for each statement execute function carrel.check_privileges();

comment on table carrel.usage_archive is 'Usage events of deleted users, kept for accounting under pseudonyms.';
comment on column carrel.usage_archive.event_id is 'Id of the archived event.';
comment on column carrel.usage_archive.pseudonym is 'Random id that groups the events of one user.';
comment on column carrel.usage_archive.event_type is 'Type of the event, such as agent_request.';
comment on column carrel.usage_archive.tokens_used is 'Number of tokens.';
comment on column carrel.usage_archive.cost is 'Cost, in the currency of the prices.';
comment on column carrel.usage_archive.model is 'Model that was used.';
comment on column carrel.usage_archive.token_types is 'Tokens by type.';
comment on column carrel.usage_archive.voids is 'Id of the event that this one voids.';
comment on column carrel.usage_archive.occurred_at is 'Time of the usage.';
comment on column carrel.usage_archive.archived_at is 'Time of the deletion of the user.';
comment on column carrel.usage_archive.delete_after is 'Time at which purge_pseudonyms() deletes the row; null: never.';
