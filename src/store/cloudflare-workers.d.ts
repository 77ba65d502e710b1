// The part of Cloudflare's own types that src/store/durable-object.ts compiles against; not published.
declare module 'cloudflare:workers' {
  export class DurableObject<Env = unknown> {
    constructor(ctx: unknown, env: Env)
    fetch?(request: Request): Response | Promise<Response>
  }
}
