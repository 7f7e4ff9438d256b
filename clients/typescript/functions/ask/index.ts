import { ask } from "./ask.ts";

Deno.serve(ask);
