declare module 'cloudflare:workers' {
  export const env: Record<string, unknown>
  export function waitUntil(promise: Promise<unknown>): void
  export const WorkerEntrypoint: new (ctx: unknown, env: unknown) => object
}
