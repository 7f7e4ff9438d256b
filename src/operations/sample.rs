//! load_sample_data(): users with documents, sessions, requests and usage for development.

use crate::access;
use crate::auth_users;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::pg::spi::{self, Access, Db};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::fmt::Write;

const MAX_USERS: i32 = 100_000;
/// Maximum number of documents of a user.
const MAX_DOCUMENTS: i32 = 10_000;

/// Creates sample users, each with Markdown documents, a session, requests in every state but
/// processing, and a month of usage; returns their ids and names.
///
/// Deterministic: ids and texts are equal each time, and existing rows stay unchanged. Callable by
/// services. Errors: 22023 (count out of range), 55000 (there are other users and beside_others is
/// false, or profiles follow a table that does not have the sample's users).
#[pg_extern(volatile, parallel_unsafe)]
fn load_sample_data(
    users: default!(Option<i32>, 3),
    documents_per_user: default!(Option<i32>, 10),
    beside_others: default!(Option<bool>, false),
) -> TableIterator<'static, (name!(user_id, Uuid), name!(name, String))> {
    let made = guard(|| {
        access::require_service("load_sample_data")?;
        let users = checked("users", users, MAX_USERS)?;
        let documents = checked("documents_per_user", documents_per_user, MAX_DOCUMENTS)?;
        spi::as_owner(Access::Write, |db| {
            db.silence_notices();
            if !beside_others.unwrap_or(false) {
                refuse_other_users(db)?;
            }
            refuse_unknown_users(db, users)?;
            (0..users).map(|number| make_user(db, number, documents)).collect::<Result<Vec<_>>>()
        })
    });
    TableIterator::new(made)
}

fn checked(name: &str, given: Option<i32>, most: i32) -> Result<u32> {
    let given = given.filter(|given| (0..=most).contains(given)).ok_or_else(|| {
        let given = given.map_or("null".to_owned(), |given| given.to_string());
        Error::new(
            SqlState::InvalidParameterValue,
            format!("{name} must be from 0 to {most}: {given}"),
        )
    })?;
    Ok(given.unsigned_abs())
}

/// Kind of a sample row: part of its id.
enum RowKind {
    User = 1,
    Document,
    Session,
    Request,
    Event,
}

/// First bytes of the ids of sample rows.
const ID_PREFIX: [u8; 4] = [0x5a, 0x3b, 0x1e, 0x00];

/// Id of a sample row: a UUID of version 8 (custom).
fn id(kind: RowKind, user: u32, number: u32) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&ID_PREFIX);
    bytes[5] = kind as u8;
    bytes[6] = 0x80;
    bytes[8] = 0x80;
    bytes[9..12].copy_from_slice(&user.to_be_bytes()[1..]);
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Uuid::from_bytes(bytes)
}

fn refuse_other_users(db: &Db) -> Result<()> {
    let others = db.value::<bool>(
        "select exists (select from carrel.user_profiles where user_id < $1 or user_id >= $2)",
        &[id(RowKind::User, 0, 0).into(), id(RowKind::Document, 0, 0).into()],
    )?;
    if !others {
        return Ok(());
    }
    Err(Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        "this database has users who are not of the sample",
    )
    .hint("If sample data may be beside theirs: carrel.load_sample_data(…, beside_others => true)"))
}

/// Fails with 55000 if profiles follow a table of users that does not have the sample's users.
fn refuse_unknown_users(db: &Db, count: u32) -> Result<()> {
    let Some(rows) = auth_users::followed_users(db)? else { return Ok(()) };
    let ids: Vec<Uuid> = (0..count).map(|number| id(RowKind::User, number, 0)).collect();
    let missing = db.first(
        include_str!("../../sql/operations/sample/missing_users.sql"),
        &[ids.into()],
        |row| Ok(row.get::<String>(1)),
    )?;
    rows.end()?;
    let Some(missing) = missing.flatten() else { return Ok(()) };
    Err(Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        "the sample's users are not in auth.users, which profiles follow here",
    )
    .hint(format!("Add them first: insert into auth.users (id) values {missing}")))
}

/// Creates the missing rows of a user.
fn make_user(db: &Db, number: u32, documents: u32) -> Result<(Uuid, String)> {
    const NAMES: [&str; 12] = [
        "Ada", "Bruno", "Chidi", "Dana", "Emil", "Fatima", "Goran", "Hana", "Ines", "Jonas",
        "Kavya", "Liam",
    ];
    let mut name = NAMES[number as usize % NAMES.len()].to_owned();
    if number as usize >= NAMES.len() {
        let _ = write!(name, " {}", number as usize / NAMES.len() + 1);
    }
    let user = id(RowKind::User, number, 0);
    db.execute(
        include_str!("../../sql/operations/sample/insert_profile.sql"),
        &[user.into(), name.as_str().into(), if number % 3 == 2 { "free" } else { "pro" }.into()],
    )?;
    for document in 0..documents {
        check_for_interrupts();
        let mut document_text = SampleDocument::new(number, document);
        let content = document_text.write();
        db.execute(
            include_str!("../../sql/operations/sample/insert_document.sql"),
            &[
                id(RowKind::Document, number, document).into(),
                user.into(),
                document_text.filename.as_str().into(),
                content.into(),
                document_text.topic.name.into(),
                f64::from(document_text.choice(60)).into(),
            ],
        )?;
    }
    make_requests(db, number, user)?;
    Ok((user, name))
}

/// Creates a session, its requests, one for each lasting state, and a month of usage.
fn make_requests(db: &Db, number: u32, user: Uuid) -> Result<()> {
    let session = id(RowKind::Session, number, 0);
    db.execute(
        include_str!("../../sql/operations/sample/insert_session.sql"),
        &[session.into(), user.into()],
    )?;
    let questions = [
        ("completed", "What did we decide about the greenhouse?"),
        ("completed", "Summarise the open questions."),
        ("failed", "Read the scan of the contract."),
        ("cancelled", "Translate everything into Latin."),
        ("pending", "Which deadlines come next?"),
    ];
    for (position, (status, question)) in questions.into_iter().enumerate() {
        db.execute(
            include_str!("../../sql/operations/sample/insert_request.sql"),
            &[
                id(RowKind::Request, number, position as u32).into(),
                user.into(),
                session.into(),
                question.into(),
                status.into(),
                (position as f64).into(),
            ],
        )?;
    }
    for day in 0..30 {
        let mut random = Random::new(number, day);
        db.execute(
            include_str!("../../sql/operations/sample/insert_event.sql"),
            &[
                id(RowKind::Event, number, day).into(),
                user.into(),
                if day % 3 == 0 { "embedding" } else { "agent_request" }.into(),
                i64::from(200 + random.below(1800)).into(),
                if day % 3 == 0 { "small" } else { "large" }.into(),
                f64::from(day).into(),
            ],
        )?;
    }
    Ok(())
}

/// Deterministic pseudo-random numbers: SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn new(user: u32, number: u32) -> Self {
        Self(
            (u64::from(user) << 32 | u64::from(number))
                .wrapping_add(1)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15),
        )
    }

    fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % u64::from(most)) as u32
    }
}

/// Topic of documents.
struct Topic {
    name: &'static str,
    things: [&'static str; 5],
    sections: [&'static str; 4],
    sentences: [&'static str; 6],
}

/// Topics. In a sentence, `{}` stands for one of the things and `#` for a number.
const TOPICS: [Topic; 5] = [
    Topic {
        name: "greenhouse",
        things: [
            "the tomato seedlings",
            "the irrigation pump",
            "the north vents",
            "the compost",
            "the lemon tree",
        ],
        sections: ["Watering", "Temperature", "Pests", "To do"],
        sentences: [
            "This week {} needed # litres of water more than last week.",
            "At # degrees {} does best; below that it is moved to the warm side.",
            "We found aphids near {} and washed them off with soap.",
            "Check {} again in # days.",
            "The sensor beside {} reads # percent humidity in the morning.",
            "Nobody should move {} before the frost is over.",
        ],
    },
    Topic {
        name: "contract",
        things: ["the supplier", "the landlord", "the licensee", "either party", "the insurer"],
        sections: ["Term", "Payment", "Liability", "Termination"],
        sentences: [
            "On # days' written notice {} may end this agreement.",
            "Invoices are due within # days of receipt by {}.",
            "The liability of {} is limited to # thousand euros for each year.",
            "If {} is in delay, interest of # percent is owed.",
            "Changes are valid only if {} agrees to them in writing.",
            "The obligations of {} survive the end of this agreement for # months.",
        ],
    },
    Topic {
        name: "expedition",
        things: [
            "the glacier",
            "the base camp",
            "the radio",
            "the second team",
            "the weather station",
        ],
        sections: ["Route", "Equipment", "Weather", "Decisions"],
        sentences: [
            "We reached {} after # hours of climbing.",
            "The snow around {} is # centimetres deep and soft.",
            "From {} the wind was measured at # knots.",
            "It was decided to leave # days of food at {}.",
            "If {} can't be reached by noon, everybody turns back.",
            "The batteries of {} last # hours in the cold.",
        ],
    },
    Topic {
        name: "bakery",
        things: [
            "the sourdough",
            "the deck oven",
            "the rye flour",
            "the morning shift",
            "the almond croissants",
        ],
        sections: ["Recipe", "Orders", "Costs", "Complaints"],
        sentences: [
            "For {} we use # grams of salt to the kilogram.",
            "Before seven o'clock # customers asked for {}.",
            "The price of {} went up by # percent.",
            "Leave {} to rest for # minutes.",
            "A guest wrote that {} was cold, and got a new order.",
            "From Monday on {} starts # minutes earlier.",
        ],
    },
    Topic {
        name: "software",
        things: [
            "the billing service",
            "the search index",
            "the login page",
            "the nightly backup",
            "the import job",
        ],
        sections: ["Incident", "Cause", "Measures", "Open questions"],
        sentences: [
            "At # past nine {} stopped answering.",
            "A restart of {} took # seconds.",
            "The queue in front of {} had grown to # thousand entries.",
            "From now on an alarm is raised when {} is silent for # minutes.",
            "Nobody knew who looks after {}; now it is written down.",
            "We will test {} with # times the usual load.",
        ],
    },
];

/// Generator of a document's text.
struct SampleDocument {
    topic: &'static Topic,
    filename: String,
    random: Random,
}

impl SampleDocument {
    fn new(user: u32, number: u32) -> Self {
        let mut random = Random::new(user, number.wrapping_add(1 << 16));
        let topic = &TOPICS[random.below(TOPICS.len() as u32) as usize];
        Self { topic, filename: format!("{}-{}.md", topic.name, number + 1), random }
    }

    fn choice(&mut self, most: u32) -> u32 {
        self.random.below(most)
    }

    fn write(&mut self) -> String {
        let topic = self.topic;
        let mut text = format!("# Notes on the {}, page {}\n", topic.name, self.choice(90) + 10);
        for section in topic.sections {
            let _ = write!(text, "\n## {section}\n\n");
            for _ in 0..=self.choice(2) {
                let first = self.choice(6);
                for position in 0..3 + self.choice(4) {
                    let sentence = topic.sentences[((first + position) % 6) as usize];
                    let thing = topic.things[self.choice(5) as usize];
                    let number = (self.choice(58) + 2).to_string();
                    let sentence = sentence.replace("{}", thing).replace('#', &number);
                    let mut characters = sentence.chars();
                    text.extend(characters.next().into_iter().flat_map(char::to_uppercase));
                    text.push_str(characters.as_str());
                    text.push(' ');
                }
                text.truncate(text.trim_end().len());
                text.push_str("\n\n");
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }
}
