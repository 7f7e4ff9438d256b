alter table carrel.notices enable row level security;
alter table carrel.notices alter column id set default carrel.uuid_v7();

drop policy if exists notices_select_all on carrel.notices;
create policy notices_select_all on carrel.notices for select using (true);

comment on table carrel.notices is 'Notices of operators to users.';
comment on column carrel.notices.id is 'UUIDv7.';
comment on column carrel.notices.body is 'Text of the notice.';
