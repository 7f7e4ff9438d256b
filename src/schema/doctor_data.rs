//! Checks of doctor() on rows that constraints vouch for, unless the rows came by replication, which checks none.

use crate::pg::error::Result;
use crate::pg::spi::Db;

/// Users on plans that do not exist have no limits.
pub fn plans(db: &Db) -> Result<Vec<String>> {
    db.rows(
        "select format(
            case when count(*) = 1 then '%s user is on plan %s, which does not exist' else '%s users are on plan %s, which does not exist' end,
            count(*), plan_type
        )
        from carrel.user_profiles as profile
        where not exists (select from carrel.plans where plans.plan_type = profile.plan_type)
        group by plan_type order by plan_type",
        &[],
        |row| row.need(1),
    )
}
