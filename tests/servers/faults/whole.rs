//! What has to be true of a database whatever happened to it, and that its work goes on to its end.

use carrel_tests::{Database, Session};
use std::time::{Duration, Instant};

/// What has to be true of all that is there, whoever wrote it and whatever was lost.
pub fn assert_whole(database: &Database) {
    let mut superuser = database.superuser();
    database.assert_sound();
    let empty = |superuser: &mut Session, query: &str| {
        assert_eq!(superuser.column(query), Vec::<String>::new(), "{query}");
    };
    empty(&mut superuser, "select * from carrel.verify_usage()");
    assert_eq!(superuser.number(crate::WRONGLY_CHUNKED), 0);
    // A request that is done has one event, under its lease's token, and what is not done has none.
    empty(
        &mut superuser,
        "select r.id, r.status, count(e.id) from carrel.agent_requests as r
        left join carrel.usage_events as e on e.request_id = r.id and e.event_type = 'agent_request' and e.voids is null
        group by r.id
        having count(e.id) <> case when r.status = 'completed' then 1 else 0 end and r.status in ('pending', 'processing', 'completed')
            or count(e.id) > 1
            or r.status = 'completed' and bool_or(e.id <> r.lease_token or e.tokens_used <> 3 or r.results is null)",
    );
    // A session's chain is its requests.
    empty(
        &mut superuser,
        "select r.session_id, r.id, link.session_id, link.id from (
            select s.id as session_id, chain.id::uuid
            from carrel.agent_sessions as s cross join jsonb_array_elements_text(request_chain) as chain (id)
        ) as link
        full join (select session_id, id from carrel.agent_requests where session_id is not null) as r
            on r.session_id = link.session_id and r.id = link.id
        where r.id is null or link.id is null",
    );
}

/// Brings all that is open to its end: agents take over what others left, pending documents are processed.
pub fn finish(database: &Database) {
    let (mut superuser, mut service) = (database.superuser(), database.service());
    let open =
        "select count(*) from carrel.agent_requests where status in ('pending', 'processing')";
    let patience = Instant::now() + Duration::from_secs(120);
    while superuser.number(open) > 0 {
        assert!(Instant::now() < patience, "requests stay open");
        service.run(
            "select (carrel.complete_request(id, lease_token, '{}', tokens => 3)).event_id
            from carrel.claim_requests('heir', 100)",
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    while service.number("select carrel.process_documents(100)") > 0 {}
    let pending = "select filename from carrel.documents
        where content_text is not null and processing_status <> 'completed'";
    assert_eq!(superuser.column(pending), Vec::<String>::new());
}
