import { upload } from "./upload.ts";

Deno.serve(upload);
