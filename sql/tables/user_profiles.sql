-- Users: one row each. All rows of a user depend on it.
create table carrel.user_profiles (
    id uuid not null,
    user_id uuid not null,
    name text,
    plan_type text collate "C" not null default 'free',
    usage_count integer not null default 0,
    usage_period_start timestamptz not null default now(),
    subscription_status text not null default 'active',
    billing_anchor timestamptz not null default now(),
    billing_timezone text not null default 'UTC',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint user_profiles_pkey primary key (id),
    constraint user_profiles_user_id_key unique (user_id),
    constraint user_profiles_plan_type_fkey foreign key (plan_type) references carrel.plans (plan_type),
    constraint user_profiles_usage_count_check check (usage_count >= 0),
    constraint user_profiles_subscription_status_check check (subscription_status in ('active', 'cancelled', 'expired')),
    constraint user_profiles_billing_anchor_check check (isfinite(billing_anchor)),
    constraint user_profiles_usage_period_start_check check (isfinite(usage_period_start))
);

-- Serves: the foreign key, when a plan is deleted or renamed.
create index user_profiles_plan_type_idx on carrel.user_profiles (plan_type);
