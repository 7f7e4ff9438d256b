-- Applied where auth.users exists (Supabase's shape): every auth user has a profile, which goes with
-- them.
drop trigger if exists carrel_create_profile on auth.users;
create trigger carrel_create_profile
    after insert on auth.users
    referencing new table as inserted
    for each statement execute function carrel.create_profile_on_sign_up();

drop trigger if exists carrel_delete_profile on auth.users;
create trigger carrel_delete_profile
    after delete on auth.users
    referencing old table as deleted
    for each statement execute function carrel.delete_profile_of_deleted();

comment on trigger carrel_create_profile on auth.users is 'Gives each new user a profile in carrel.user_profiles.';
comment on trigger carrel_delete_profile on auth.users is 'Deletes the profiles of deleted users, and everything of theirs.';
