// Usage as the function answers it.

export interface Limit {
  event_type: string;
  measure: string;
  used: number;
  limit: number | null;
}

export interface Usage {
  plan: string;
  starts_at: string;
  ends_at: string;
  now: string;
  timezone: string;
  limits: Limit[];
  days: { day: string; events: number }[];
}
