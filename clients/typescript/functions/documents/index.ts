import { documents } from "./documents.ts";

Deno.serve(documents);
