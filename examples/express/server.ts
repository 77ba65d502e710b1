// The notes server on Express, behind Okta, with Redis: `npm start`
import { createResourceServer } from 'tollgate'
import { okta } from 'tollgate/provider/okta'
import { createApp } from './app.ts'
import { cacheIn, connect, eventsIn, notesIn } from './redis.ts'

const {
  PORT = '3000',
  PUBLIC_URL = `http://127.0.0.1:${PORT}`,
  REDIS_URL = 'redis://127.0.0.1:6379',
} = process.env
const resource = `${PUBLIC_URL}/mcp`
const { OKTA_AUTHORIZATION_SERVER = 'default', OKTA_AUDIENCE = resource } = process.env
// Both must be the same on every instance.
const OKTA_DOMAIN = required('OKTA_DOMAIN')
const SESSION_SECRET = required('SESSION_SECRET')

const redis = connect(REDIS_URL)
await redis.connect()

const rs = createResourceServer({
  resource,
  resourceName: 'Notes',
  // Okta issues the tokens. Its tokens name one audience for each authorization server.
  authorizationServers: [
    okta({
      domain: OKTA_DOMAIN,
      authorizationServerId: OKTA_AUTHORIZATION_SERVER,
      audience: OKTA_AUDIENCE,
    }),
  ],
  requiredScopes: ['notes:read'],
  scopesSupported: ['notes:read', 'notes:write'],
  // A client of the SDK v1 never asks for more later; what a user may have, Okta's access policy decides.
  firstChallengeScopes: 'offered',
  cache: cacheIn(redis),
  // Whoever can write to Redis could else put keys of their own beside Okta's (forged tokens).
  cacheSecret: SESSION_SECRET,
})

const app = createApp({
  rs,
  secret: SESSION_SECRET,
  notes: notesIn(redis),
  eventsOf: (session) => eventsIn(redis, session),
  isAvailable: () => redis.isReady,
})
const server = app.listen(Number(PORT), '127.0.0.1', (error) => {
  if (error) throw error
  console.log(`Notes at ${resource}`)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

function stop(): void {
  server.close()
  // Open streams would keep the process alive.
  server.closeAllConnections()
  redis.destroy()
}

function required(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} must be set: see README.md`)
  return value
}
