/** The URL where users reach the application. Next itself does not know it. */
export const { PUBLIC_URL = 'http://127.0.0.1:3000' } = process.env

const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(PUBLIC_URL).hostname)

/**
 * What all routes share. Next may load a module once for each route, so it lies on `globalThis`. The first
 * request makes it: `next build` loads the modules too, without the secrets of the server.
 */
export function shared<T>(name: string, make: () => T): () => T {
  const all = globalThis as unknown as Record<string, T | undefined>
  return () => (all[`notes.${name}`] ??= make())
}

/** A secret of the environment. On this machine a new one for each run will do. */
export function secret(name: string): string {
  const given = process.env[name]
  if (given) return given
  if (!isLocal) throw new Error(`${name} must be set: openssl rand -base64 32`)
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
}
