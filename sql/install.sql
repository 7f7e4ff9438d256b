-- Runs last: says what each function is for, takes them from PUBLIC, and creates the tables.
comment on function carrel.act_as is 'Acts as a user for the rest of the transaction (null: as nobody), by replacing the claims. Where carrel.identity_source is token, it has no effect for end users, and a warning says so.';
comment on function carrel.add_document is 'Adds a document of the caller''s and returns its id. A null text comes later: the document is pending until then. Unknown language: 22023; no identity: 28000.';
comment on function carrel.append_to_session is 'Puts a request of the caller''s that is in no session at the end of one of theirs; one that is in it stays where it is. In another: PT409; no such session or request: PT404.';
comment on function carrel.authenticate is 'Verifies a signed JWT against carrel.jwt_keys and acts as the user it names for the rest of the transaction (null: as nobody); returns that user. A token that fails a check: 28000, saying which.';
comment on function carrel.billing_period is 'The billing period of a user that contains a time. Another user''s, or no such: PT404.';
comment on function carrel.billing_period_start is 'When the monthly billing period that contains a time began, for an anchor in an IANA time zone. Unknown zone: 22023.';
comment on function carrel.build_context is 'The chunks of the caller''s documents that answer a query best, as many as max_tokens has room for, as the text of a prompt, with what each numbered passage cites. query_embedding as for search_chunks(). No identity: 28000; bad arguments: 22023.';
comment on function carrel.cancel_request is 'Has a request of the caller''s, or for services anybody''s, not be done; returns its status: cancelled, or processing while its worker has yet to learn of it. Finished otherwise: PT409; no such request: PT404.';
comment on function carrel.check_jwt_key is 'Trigger: refuses keys that verify nothing: 22023.';
comment on function carrel.check_privileges is 'Trigger: refuses statements that carrel does not grant to the caller''s role, whatever else the role was granted: 42501.';
comment on function carrel.check_quota is 'Whether the caller''s plan leaves room for so much of a measure of a type of event, and how the tightest of its limits stands. It asks and takes nothing. Unknown measures, bad amounts: 22023.';
comment on function carrel.check_request_transition is 'Trigger: refuses what can''t become of a request: PT409.';
comment on function carrel.chunk_keys is 'The keys that a user''s chunk is found by: as search_keys(), and behind each lexeme how much it says about the chunk, from 0, least.';
comment on function carrel.chunk_text is 'Cuts a text into chunks of at most chunk_size characters, words or tokens, at the best boundaries of its format that fit. Offsets are in characters of the text from 0, end exclusive. Bad arguments: 22023.';
comment on function carrel.chunks_to_embed is 'Chunks of all users that have no embedding yet, oldest first, at most so many, for a worker to embed; no other worker is given them until the lease lapses. No embeddings here: 55000. For services.';
comment on function carrel.claim_documents is 'Gives a worker documents of all users that have no text yet, the oldest first, at most so many, under a lease; waits for nobody. For services. Bad arguments: 22023.';
comment on function carrel.claim_requests is 'Gives a worker requests of all users to do, at most so many, under a lease: the highest priority first, then the oldest run_at. Those whose leases lapsed are given to others, which counts as an attempt. Waits for nobody. For services. Bad arguments: 22023.';
comment on function carrel.complete_request is 'Says that a claimed request is done: results, status, what it held and the usage event of type agent_request in one step, never refused for a limit. The same again: the same event, duplicate = true. The lease is lost, or it ended otherwise: PT409; no such request: PT404; bad amounts: 22023. For services.';
comment on function carrel.consume_usage is 'Records what happens, unless that is beyond a hard limit, or what reservations leave of it: PT402, with used, limit and resets_at in DETAIL. Arguments, results and errors as for record_usage() else.';
comment on function carrel.count_chunks is 'Trigger: adds what a statement changed of the chunks to the search statistics.';
comment on function carrel.count_documents is 'Trigger: draws what is stored from what is left of hard limits. Beyond them: PT402.';
comment on function carrel.count_requests_of_others is 'Trigger: sets usage_count of users whose agent requests another role recorded, at the end of the transaction.';
comment on function carrel.count_session_version is 'Trigger: counts the changes of a session''s state.';
comment on function carrel.count_tokens is 'The number of tokens that a text is in the encoding cl100k or o200k; special tokens are read as text. The first call of a session loads the vocabulary: some 20 ms and 32 MB, or 50 ms and 66 MB. Unknown encoding: 22023.';
comment on function carrel.count_usage is 'Trigger: adds new usage events to the totals and counters.';
comment on function carrel.create_profile_on_sign_up is 'Trigger on auth.users: gives each new user a profile.';
comment on function carrel.create_request is 'Creates a request of the caller''s, which holds one agent_request, and reserve_tokens, from hard limits until it is finished; returns its id. The same idempotency key again gives the first one, or PT409 where anything else differs. Beyond a limit: PT402; no such session: PT404; bad arguments: 22023.';
comment on function carrel.create_session is 'Creates a session of the caller''s; returns its id. A state that is no JSON object: 22023.';
comment on function carrel.create_user is 'Creates a user''s profile and returns the user id; one that exists stays as it is. Unknown plan: 22023. For services.';
comment on function carrel.create_views is 'Makes views of the six tables in a schema, under the tables'' names, for an application that asks there. They show and take what the caller may see and write. Where the schema has such a name already: 55000; no such schema: 22023. For superusers.';
comment on function carrel.current_usage is 'What the caller used in the current periods: a row for each limit of their plan, and for what they used in the billing period without one.';
comment on function carrel.current_user_id is 'The user that the transaction''s verified token or its JWT claims name; null where there are none. Malformed claims: 28000.';
comment on function carrel.delete_profile_of_deleted is 'Trigger on auth.users: deletes the profiles of deleted users.';
comment on function carrel.delete_user is 'Deletes a user and everything of theirs; returns the storage paths of their documents, which files_to_erase() lists until erased_files() confirms them. Usage is archived under a pseudonym, for as long as it can be resolved, or with archive_usage for good. Paths that other users'' documents have as well are left out. No such user: PT404; triggers that delete and archive are disabled: 55000. For services.';
comment on function carrel.doctor is 'One row for each check of whether the database is as this version of carrel defines it. For superusers.';
comment on function carrel.enable_embeddings is 'Gives every chunk a place for an embedding of so many numbers, 1 to 4000, and an index to find near ones by. Bad dimensions: 22023; no pgvector, or other dimensions than there are: 55000. For superusers.';
comment on function carrel.erased_files is 'Confirms that files of deleted users are erased; returns how many were listed. For services.';
comment on function carrel.export_user is 'Everything that carrel holds of a user, row by row. No such user: PT404. For services.';
comment on function carrel.fail_document is 'Says that a claimed document has no text to be had, and why. The lease is lost, or it ended otherwise: PT409; no such document: PT404. For services.';
comment on function carrel.fail_request is 'Says that an attempt at a claimed request failed, and bills what it spent; another one follows after retry_after, or a growing wait, until max_attempts. Returns the status, and when it runs again. The lease is lost, or it ended otherwise: PT409; no such request: PT404; bad amounts: 22023. For services.';
comment on function carrel.files_to_erase is 'Files of deleted users that are to be erased, the longest waiting first, until erased_files() confirms them; without those that a document still has. For services.';
comment on function carrel.follow_auth_users is 'Follows a table of users, such as Supabase''s auth.users: each of its users gets a profile, which goes with them. Its owner creates and deletes users from then on. A table without a unique id of type uuid: 22023. For superusers.';
comment on function carrel.foreign_code is 'Code of roles with fewer rights on carrel''s tables, on those that follow them by foreign keys, and on those that they refer to: a row for each table that was looked at; what is null where nothing was found.';
comment on function carrel.forget_granted_roles is 'Trigger: has every session read again who is granted what.';
comment on function carrel.forget_jwt_keys is 'Trigger: has no session use a key that was changed.';
comment on function carrel.forget_plan_limits is 'Trigger: has no session remember limits that were changed.';
comment on function carrel.forget_statistics is 'Trigger: deletes the search statistics of users who are deleted.';
comment on function carrel.fork_session is 'Makes a new session of the caller''s from one of theirs, with its title and state, and copies of its finished requests, which have no cost, up to one of them; returns its id. No such session or request: PT404.';
comment on function carrel.grant_operator is 'Lets a role administer plans, limits, prices and keys, grant users and services, and see how the database stands, without being a superuser. It never sees users'' texts. Unknown role: 22023. For superusers.';
comment on function carrel.grant_service is 'Lets a role work as an application''s trusted workers do. Unknown role: 22023. For superusers.';
comment on function carrel.grant_user is 'Lets a role work as an application''s end users do; with self_metering also record its own usage. Unknown role: 22023. For superusers.';
comment on function carrel.heartbeat_request is 'Says that a worker is still at a claimed request, how far it is (0 to 1, never back), and extends its lease; returns until when, and whether cancelling was asked for. The lease is lost: PT409; no such request: PT404. For services.';
comment on function carrel.hold_for_requests is 'Trigger: draws what unfinished requests hold from what is left of hard limits, and wakes workers. Beyond a limit: PT402.';
comment on function carrel.import_from is 'Brings the six tables of an existing application, those of them that the schema has, over to carrel, with their ids, timestamps and chunks; makes missing profiles and rebuilds counters. A row for each table, and one for each problem with how many rows have it. With dry_run, the default, nothing is changed; without, 23514 where a problem would leave rows out. No such schema: 22023. For superusers.';
comment on function carrel.import_jwks is 'Adds the keys of a JWKS to carrel.jwt_keys, for an issuer and an audience (''''; for tokens without one). A key with the same kid is replaced; other keys stay, unless remove_missing. A row for each key: its kid, its algorithm, and the outcome: added, replaced, unchanged, skipped or removed; detail says why it was skipped. No key of a supported kind, or no JWKS: 22023. For operators.';
comment on function carrel.installation_id is 'Random id of this installation of the extension; granted_roles says by it whose oids it has.';
comment on function carrel.is_operator is 'Tells whether the current role is an operator; policies of plans, limits, prices and keys ask it.';
comment on function carrel.keep_default_plan is 'Trigger: keeps the plan that new users are on. To delete or rename it: 55000.';
comment on function carrel.keep_request_chains is 'Trigger: keeps the chains of sessions as requests come to them and leave them.';
comment on function carrel.lease_token is 'A new token of a lease: a UUID of version 8, which no end user''s event can have.';
comment on function carrel.list_users is 'Users with plan and usage, in the order of their ids, for operators and services; after_user continues after a page. Bad numbers: 22023.';
comment on function carrel.load_sample_data is 'Makes users with documents, a session, requests and usage to develop with, the same each time, and returns their ids and names; what is there already stays. Where there are other users: 55000, unless beside_others is true; bad numbers: 22023. For services.';
comment on function carrel.migrate is 'Creates what is missing of carrel''s tables and applies policies, triggers, defaults, privileges and comments afresh. For superusers.';
comment on function carrel.next_wakeup is 'When there will be something for claim_requests(): in the past, if there is now; null where nothing is known of. For services that wait.';
comment on function carrel.patch_session_state is 'Changes the state of a session of the caller''s by a JSON merge patch (RFC 7396), and returns its version and state. Another version than expected: PT409; no such session: PT404; no object: 22023.';
comment on function carrel.prepare_chunk is 'Trigger: completes chunks that a client writes.';
comment on function carrel.prepare_event is 'Trigger: refuses usage events of nobody, of users without a profile, and with metadata that is no object.';
comment on function carrel.prepare_owner is 'Makes the role carrel_owner where it is missing; CREATE EXTENSION calls it while a dump is restored. For superusers.';
comment on function carrel.prepare_plan_limit is 'Trigger: checks a limit: its plan, measure, period, value and enforcement.';
comment on function carrel.prepare_price is 'Trigger: checks a price: its model, token type and amount.';
comment on function carrel.prepare_profile is 'Trigger: checks a profile''s time zone and begins its first billing period.';
comment on function carrel.prepare_request is 'Trigger: refuses requests of nobody and of users without a profile; clamps priority, max_attempts and run_at of end users'' requests, and locks their sessions.';
comment on function carrel.prepare_session is 'Trigger: refuses sessions of nobody, of users without a profile, and with a state that is no object.';
comment on function carrel.price_usage is 'What tokens of a model cost at a time, to 10 decimals; null where a price is missing. tokens: input, output, cached_input and reasoning, each token in one, or a provider''s report whose parts can be told apart. Others: 22023.';
comment on function carrel.process_document_row is 'Trigger: parses a document''s text and sets its status and vector.';
comment on function carrel.process_documents is 'Processes pending documents of all users, oldest first, at most this many; returns how many. For services.';
comment on function carrel.purge_pseudonyms is 'Forgets whose the pseudonyms of deleted users were, and archived usage that is not kept for good, once carrel.archive_resolvable_for is over; returns how many rows. For services.';
comment on function carrel.purge_requests is 'Removes requests that have been finished for this long, the longest first, at most so many; returns how many. The books stay. For services.';
comment on function carrel.rebuild_usage is 'Sums totals and counters up again from the usage events, and returns how many totals there are. Nobody records usage meanwhile. For superusers.';
comment on function carrel.rebuild_usage_periods is 'Trigger: sums a user''s usage up again when their billing periods change, and has what is left of limits reckoned anew when their plan does.';
comment on function carrel.rechunk_document is 'Cuts a document of the caller''s anew, as the settings and its type say where arguments are null, and returns how many chunks it has. Chunks that stay the same keep their rows; the next change of the text is cut as the settings say. No such document: PT404; bad arguments: 22023; no text: 55000.';
comment on function carrel.reckon_limits_anew is 'Trigger: has what is left of limits reckoned anew when limits change.';
comment on function carrel.record_erasure is 'Trigger: archives the usage of a user who is deleted, and lists the files to erase.';
comment on function carrel.record_usage is 'Records what happened, and never refuses it for a limit. The same idempotency key again gives the first event with duplicate = true, or PT409 where anything else differs. Bad amounts: 22023; a time too far away: PT422; no such user: P0002.';
comment on function carrel.record_usage_batch is 'Records many events at once: an array of objects whose fields are the arguments of record_usage(); a row for each, in order. All or nothing. Errors as for record_usage().';
comment on function carrel.refuse_added_code is 'Event trigger: refuses triggers, foreign keys, functions and the like that roles with fewer rights add to carrel''s tables and schema, and code on tables that follow them (foreign_code()): 42501.';
comment on function carrel.refuse_price_overlap is 'Trigger: refuses prices of one type of token that are valid at once.';
comment on function carrel.refuse_usage_change is 'Trigger: refuses to change usage events.';
comment on function carrel.release_usage is 'Ends a reservation of work that was not done; false where it was released before. No such reservation: PT404; settled: PT409.';
comment on function carrel.reserve_usage is 'Holds one event, with tokens and cost, from hard limits until it is settled, released, or past its time. Beyond a limit: PT402; bad amounts: 22023; a key that was used for something else: PT409.';
comment on function carrel.retry_request is 'Has a request of the caller''s, or for services anybody''s, that failed or was cancelled be tried afresh; returns its status. Beyond a hard limit: PT402; in another state: PT409; no such request: PT404.';
comment on function carrel.revoke_operator is 'Revokes what grant_operator() granted. For superusers.';
comment on function carrel.revoke_service is 'Takes back what grant_service() granted. For superusers.';
comment on function carrel.revoke_user is 'Takes back what grant_user() granted. For superusers.';
comment on function carrel.search_chunks is 'The chunks of the caller''s documents that answer a query best, best first (BM25 over the caller''s own chunks). Words are optional; quoted phrases and -word are binding; conf* finds what begins so. matched says whether all words were found or some. With query_embedding what is near to it answers as well, matched embedding. No identity: 28000; what is no embedding: 22023; no embeddings here: 55000.';
comment on function carrel.search_documents is 'The caller''s documents that answer a query best, best first, with the best passage of each. No identity: 28000.';
comment on function carrel.search_keys is 'The keys that a user''s file name is found by: the lexemes of a vector, each behind eleven characters that stand for the user and the language.';
comment on function carrel.session_history is 'The requests of a session of the caller''s in order, with their results: the latest that fit into max_tokens (of content and results) and max_requests. No such session: PT404; bad arguments: 22023.';
comment on function carrel.set_document_text is 'Writes the text of a claimed document, which is processed like any other; returns its status and how many chunks it has. The lease is lost, or it has another text: PT409; no such document: PT404; beyond a hard limit: PT402. For services.';
comment on function carrel.set_embeddings is 'Stores embeddings, [{"chunk_id": …, "embedding": […]}, …] or {chunk_id: […], …}, and returns how many; those of chunks that are gone, or have changed since they were leased, are passed over. Bad ones: 22023; no embeddings here: 55000. For services.';
comment on function carrel.set_plan is 'Puts a user on a plan; limits follow at once, and what was used stays. Arguments that are null change nothing. No such user: PT404; unknown plan, status or zone: 22023. For services.';
comment on function carrel.settle_usage is 'Records what reserved work used, and ends the reservation: never refused; overage says whether it was more than reserved. No such reservation: PT404; released, or settled otherwise: PT409.';
comment on function carrel.stats is 'How this database stands, for monitoring: rows by table and status, the oldest that wait, leases that lapsed, bytes, dead rows, indexes, the oldest transaction. Times in seconds, null where nothing waits; what is large is estimated, and its detail says so. For services.';
comment on function carrel.touch_updated_at is 'Trigger: sets updated_at to the transaction''s time.';
comment on function carrel.usage_day is 'The day that contains a time in a time zone.';
comment on function carrel.usage_payload_hash is 'SHA-256 over the arguments of an event as given, without those left out; tells a retry of an idempotency key from another payload.';
comment on function carrel.usage_period is 'The period of a kind, as plan_limits has it, that contains a time; everything for stored.';
comment on function carrel.usage_report is 'Usage from one time up to another by day, week, month, period or all together, and by event_type, model or user. The caller''s own; services get the user''s that they name, or everybody''s. Unknown buckets or groups: 22023.';
comment on function carrel.usage_tokens is 'How many tokens a report has by type; null where its types are unknown.';
comment on function carrel.uuid_v7 is 'A new UUIDv7: milliseconds since 1970, then 74 random bits.';
comment on function carrel.verify_usage is 'Where totals or counters differ from the usage events: no row, unless something drifted. For services.';
comment on function carrel.version is 'The version of the library that answers.';
comment on function carrel.void_usage is 'Takes an event back, once: a row of negated amounts that counts -1 in the period of the event, which stays. No such event: PT404; voided for another reason: PT409.';
comment on function carrel.wait_for_usage is 'Trigger: waits until nobody records usage who reckons with plans, limits or periods that change.';
comment on function carrel.write_document_chunks is 'Trigger: writes the chunks that processing made of a document''s text.';

-- Functions belong to the bootstrap superuser, who stays one: whoever installs may be demoted.
do $$
declare
    superuser text := (select pg_catalog.quote_ident(rolname) from pg_catalog.pg_roles where oid operator(pg_catalog.=) 10::pg_catalog.oid);
    member pg_catalog.regprocedure;
begin
    for member in
        select d.objid from pg_catalog.pg_depend as d
        join pg_catalog.pg_extension as e on d.refobjid operator(pg_catalog.=) e.oid
        where d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
            and d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
            and d.deptype operator(pg_catalog.=) 'e' and e.extname operator(pg_catalog.=) 'carrel'
    loop
        execute pg_catalog.format('alter function %s owner to %s', member, superuser);
    end loop;
    execute pg_catalog.format('alter event trigger carrel_refuse_added_code owner to %s', superuser);
end
$$;

-- Nobody but the owner may call anything yet: not PUBLIC, and not whom default privileges gave it to.
do $$
declare
    grantee text;
begin
    for grantee in
        select distinct coalesce(pg_catalog.quote_ident(r.rolname), 'public')
        from pg_catalog.pg_proc as p
        cross join lateral pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as a
        left join pg_catalog.pg_roles as r on a.grantee operator(pg_catalog.=) r.oid
        where p.pronamespace operator(pg_catalog.=) 'carrel'::pg_catalog.regnamespace
            and a.grantee operator(pg_catalog.<>) p.proowner
            and exists (
                select from pg_catalog.pg_depend as d
                where d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid operator(pg_catalog.=) p.oid
                    and d.deptype operator(pg_catalog.=) 'e'
            )
    loop
        execute pg_catalog.format('revoke all on all functions in schema carrel from %s', grantee);
    end loop;
end
$$;

do $$
begin
    if pg_catalog.current_setting('row_security') operator(pg_catalog.=) 'off' and (
        select source operator(pg_catalog.=) 'session' from pg_catalog.pg_settings where name operator(pg_catalog.=) 'row_security'
    ) then
        raise notice 'carrel creates no tables, because row_security is off, as when a dump is restored'
            using hint = 'The dump brings the tables. If this is no restore: set row_security = on; select carrel.migrate()';
        perform carrel.prepare_owner();
    else
        perform carrel.migrate();
    end if;
end
$$;
