import { createAuth } from './auth.ts'

// Next may load this module once per route, and the servers must be the same ones everywhere. The first
// request makes them: `next build` loads this module too, without the environment of the server.
const shared = globalThis as { tollgate?: ReturnType<typeof createAuth> }

export const tollgate = (): ReturnType<typeof createAuth> => (shared.tollgate ??= createAuth())
