-- Applied to the table of users that is followed (Supabase's auth.users): every user there has a profile, which goes with
-- them. :followed is that table.
create or replace trigger carrel_create_profile
    after insert on :followed
    referencing new table as inserted
    for each statement execute function carrel.create_profile_on_sign_up();

create or replace trigger carrel_delete_profile
    after delete on :followed
    referencing old table as deleted
    for each statement execute function carrel.delete_profile_of_deleted();

comment on trigger carrel_create_profile on :followed is 'Gives each new user a profile in carrel.user_profiles.';
comment on trigger carrel_delete_profile on :followed is 'Deletes the profiles of deleted users, and everything of theirs.';
