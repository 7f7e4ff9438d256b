import { hello } from "./hello.ts";

Deno.serve(hello);
