-- Notices of operators to users.
create table carrel.notices (
    id uuid not null,
    body text not null,
    constraint notices_pkey primary key (id)
);
