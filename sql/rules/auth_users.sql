-- Applied where auth.users exists (Supabase's shape): every auth user has a profile.
drop trigger if exists carrel_create_profile on auth.users;
create trigger carrel_create_profile
    after insert on auth.users
    referencing new table as inserted
    for each statement execute function carrel.create_profile_on_sign_up();

comment on trigger carrel_create_profile on auth.users is 'Gives each new user a profile in carrel.user_profiles.';
