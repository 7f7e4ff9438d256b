import { usage } from "./usage.ts";

Deno.serve(usage);
