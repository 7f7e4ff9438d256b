-- Triggers on the application's table of users (Supabase's auth.users): each user there has a
-- profile, which is deleted with the user. The placeholder is that table.
create or replace trigger carrel_create_profile
    after insert on :followed
    referencing new table as inserted
    for each statement execute function carrel.create_profile_on_sign_up();

create or replace trigger carrel_delete_profile
    after delete on :followed
    referencing old table as deleted
    for each statement execute function carrel.delete_profile_of_deleted();

comment on trigger carrel_create_profile on :followed is 'Creates a profile in carrel.user_profiles for each new user.';
comment on trigger carrel_delete_profile on :followed is 'Deletes the profiles of deleted users, with all their rows.';
