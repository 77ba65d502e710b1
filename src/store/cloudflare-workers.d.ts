// The part of Cloudflare's own types that src/store/durable-object.ts compiles against; not published.
declare module 'cloudflare:workers' {
  export class DurableObject<Env = unknown> {
    constructor(ctx: unknown, env: Env)
    alarm?(): void | Promise<void>
    protected ctx: {
      storage: {
        kv: {
          get<T>(key: string): T | undefined
          put<T>(key: string, value: T): void
          delete(key: string): boolean
          list<T>(): Iterable<[string, T]>
        }
        getAlarm(): Promise<number | null>
        setAlarm(milliseconds: number): Promise<void>
        deleteAll(): Promise<void>
      }
    }
  }
}
