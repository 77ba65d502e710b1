// From API keys to OAuth, on Node: `node examples/api-key-migration/server.ts`
// 1. MIGRATION=both: clients send keys as before, or sign in. Answers to keys say when keys end.
// 2. MIGRATION=oauth: keys open nothing. Their owners sign in with them, once for each client.
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { createResourceServer } from 'tollgate'
import { apiKeyVerifier, createApiKey, hashApiKey, type ApiKey } from 'tollgate/api-keys'
import { createAuthorizationServer } from 'tollgate/authorization-server'
import { clientAddress, toNodeHandler } from 'tollgate/node'
import { operationScopes } from 'tollgate/operations'
import { keySignIn } from 'tollgate/sign-in/key'
import { sqlite } from 'tollgate/store/sqlite'
import { handler } from '../common/handler.ts'
import { cannotListen } from '../common/listening.ts'
import { readPublicUrl } from '../create/common/src/public-url.ts'
import { memory, needs, notes, scopes } from '../common/notes.ts'

const { PORT = '8787', DATABASE = ':memory:' } = process.env
const publicUrl = readPublicUrl(process.env['PUBLIC_URL'] ?? `http://127.0.0.1:${PORT}`)
const { MIGRATION = 'both', TOLLGATE_SECRET } = process.env
const resource = `${publicUrl}/mcp`

// Your table of keys. Only hashes lie in it.
const { key, hash } = await createApiKey('notes_')
const keys: readonly ApiKey[] = [{ hash, subject: 'ada', scopes: ['notes:read', 'notes:write'] }]

const as = createAuthorizationServer({
  issuer: publicUrl,
  ...(TOLLGATE_SECRET ? { secret: TOLLGATE_SECRET } : {}),
  store: sqlite(new DatabaseSync(DATABASE)),
  resources: { [resource]: { name: 'Notes', scopes } },
  // The owner of a key needs no password. When you take a key away, `as.grants.revoke(subject)` ends what was
  // granted with it.
  signIn: keySignIn({
    label: 'Notes API key',
    async verify(pasted) {
      const wanted = await hashApiKey(pasted)
      const found = keys.find((each) => each.hash === wanted)
      return found && { subject: found.subject, name: found.subject, scopes: found.scopes }
    },
  }),
  clientAddress,
})

const day = 86_400
const apiKeys = apiKeyVerifier({
  keys,
  prefix: 'notes_',
  // A key and a token of one user are one user: issuer and subject are the same.
  issuer: as.issuer,
  deprecation: {
    since: Date.now() / 1000,
    sunset: Date.now() / 1000 + 90 * day,
    documentation: 'https://example.com/moving-to-oauth',
  },
})

const rs = createResourceServer({
  resource,
  resourceName: 'Notes',
  authorizationServers: MIGRATION === 'both' ? [as, apiKeys] : [as],
  clientAddress,
})
const guarded = rs.protect(notes(memory()), { operations: operationScopes(needs, { default: 'deny' }) })

createServer(toNodeHandler(handler({ as, rs }, guarded)))
  .on('error', cannotListen)
  .listen(Number(PORT), '127.0.0.1', () => {
    console.log(`The key of ada, for this run: ${key}`)
    console.log(`Notes at ${resource}`)
  })
