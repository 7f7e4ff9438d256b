import { requests } from "./requests.ts";

Deno.serve(requests);
