// What the caller used in this billing period, day by day, and what their plan allows.

import { handler } from "../_shared/http.ts";
import { HttpError } from "../_shared/http_error.ts";

export const usage = handler({
  GET: {
    access: "read only",
    run: async (tx) => {
      const [profile] = await tx`
        select name, plan_type as plan, billing_timezone as timezone, lower(period) as starts_at, upper(period) as ends_at,
          now() as now
        from carrel.user_profiles cross join carrel.billing_period(user_id) as period`;
      if (!profile) throw new HttpError(404, "there is no such user");
      // Whole numbers of JSON go up to 2^53; costs are shown, not added up.
      const limits = await tx`
        select event_type, measure, used::double precision, limit_value::double precision as limit,
          remaining::double precision, resets_at
        from carrel.current_usage()`;
      const days = await tx`
        select bucket_start as day, events::double precision, tokens_used::double precision as tokens, cost::double precision
        from carrel.billing_period(carrel.current_user_id()) as period
          cross join carrel.usage_report(lower(period), upper(period), bucket => 'day')
        where event_type = 'agent_request'
        order by bucket_start`;
      return { ...profile, limits, days };
    },
  },
});
