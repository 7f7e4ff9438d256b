// The files of the page, each by its name.

const types: Record<string, string> = {
  "index.html": "text/html; charset=utf-8",
  "app.js": "text/javascript; charset=utf-8",
  "style.css": "text/css; charset=utf-8",
  "panels.css": "text/css; charset=utf-8",
  "icon.svg": "image/svg+xml",
};

// Nothing but the page's own files, which call nobody but this server; and no text ever becomes HTML or a script.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

export async function page(request: Request, directory: string): Promise<Response> {
  const headers = new Headers({
    "content-security-policy": policy,
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
  const name = new URL(request.url).pathname.slice(1) || "index.html";
  const type = Object.hasOwn(types, name) ? types[name] : undefined;
  if (!type) return new Response("There is nothing here.\n", { status: 404, headers });
  if (request.method !== "GET" && request.method !== "HEAD") return new Response(null, { status: 405, headers });
  headers.set("content-type", type);
  return new Response(await Deno.readFile(`${directory}/${name}`), { headers });
}
