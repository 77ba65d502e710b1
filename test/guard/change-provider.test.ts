// docs/guide/change-provider.md: two issuers side by side, then one. Each step, with the tokens that are around.
import { expect, test } from 'vitest'
import { createResourceServer, type AuthInfo, type ResourceServer } from '../../src/index.ts'
import { key, metadataA, Outside, resourceA, start, token, type Key } from '../support/guard.ts'

const oldIssuer = 'https://old.test'
const newIssuer = 'https://new.test'

const sharedKid = async (name: string): Promise<Key> => {
  const made = await key(name)
  return { ...made, kid: 'k1', jwk: { ...made.jwk, kid: 'k1' } }
}

/** Both providers, with keys of their own under one kid. */
async function providers(): Promise<{
  outside: Outside
  tokens: Record<'old' | 'new', string>
  keys: Key[]
}> {
  const keys = [await sharedKid('old'), await sharedKid('new')]
  const outside = new Outside()
  for (const [i, issuer] of [oldIssuer, newIssuer].entries()) {
    const jwks_uri = `${issuer}/keys`
    outside.routes.set(`${issuer}/.well-known/oauth-authorization-server`, () =>
      Response.json({ issuer, jwks_uri }),
    )
    outside.routes.set(jwks_uri, () => Response.json({ keys: [keys[i]!.jwk] }))
  }
  const tokens = {
    old: await token({ iss: oldIssuer, sub: '248289761001' }, {}, keys[0]),
    new: await token({ iss: newIssuer, sub: 'auth0|5f7c' }, {}, keys[1]),
  }
  return { outside, tokens, keys }
}

const serverOf = (outside: Outside, ...authorizationServers: string[]): ResourceServer =>
  createResourceServer({
    resource: resourceA,
    authorizationServers,
    fetch: outside.fetch,
    clock: () => start,
  })

const request = (bearer?: string): Request =>
  new Request(resourceA, {
    method: 'POST',
    ...(bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } }),
  })

/** Who is calling, or the status of the refusal. */
async function caller(rs: ResourceServer, bearer: string): Promise<string | number> {
  const auth: AuthInfo | Response = await rs.authenticate(request(bearer))
  return auth instanceof Response ? auth.status : `${auth.issuer}|${auth.subject}`
}

const listed = async (rs: ResourceServer): Promise<unknown> =>
  ((await (await rs.handle(new Request(metadataA)))!.json()) as Record<string, unknown>)[
    'authorization_servers'
  ]

test('change of provider, before: only the old issuer', async () => {
  const { outside, tokens } = await providers()
  const rs = serverOf(outside, oldIssuer)
  expect(await caller(rs, tokens.old)).toBe(`${oldIssuer}|248289761001`)
  expect(await caller(rs, tokens.new)).toBe(401)
})

test('change of provider, step 2: both are accepted, and clients read the new one first', async () => {
  const { outside, tokens, keys } = await providers()
  const rs = serverOf(outside, newIssuer, oldIssuer)
  expect(await listed(rs)).toEqual([newIssuer, oldIssuer])
  expect(await caller(rs, tokens.old)).toBe(`${oldIssuer}|248289761001`)
  expect(await caller(rs, tokens.new)).toBe(`${newIssuer}|auth0|5f7c`)

  // A key of one provider signs for that provider only, whatever the token says.
  expect(await caller(rs, await token({ iss: newIssuer }, {}, keys[0]))).toBe(401)
  expect(await caller(rs, await token({ iss: oldIssuer }, {}, keys[1]))).toBe(401)
})

test('change of provider, step 4: an old token is 401 with the way to the new issuer', async () => {
  const { outside, tokens } = await providers()
  const rs = serverOf(outside, newIssuer)
  expect(await caller(rs, tokens.new)).toBe(`${newIssuer}|auth0|5f7c`)
  const refused = (await rs.authenticate(request(tokens.old))) as Response
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toContain(`resource_metadata="${metadataA}"`)
  expect(await listed(rs)).toEqual([newIssuer])
  expect(outside.requests.filter((url) => url.startsWith(oldIssuer))).toEqual([])
})
