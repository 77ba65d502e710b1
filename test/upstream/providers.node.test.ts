// An imitated provider is a server like any other: on loopback, asked by the platform's own fetch.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { upstream } from '../../src/upstream/index.ts'
import { ok, Rig } from '../support/as.ts'
import { Browser, requestUrl, verifier } from '../support/pages.ts'
import { alice, type ProviderImitation } from '../support/providers/imitation.ts'
import { keycloakImitation } from '../support/providers/keycloak.ts'
import { oidcImitation } from '../support/providers/oidc.ts'

const issuer = 'http://127.0.0.1:1'
const callback = `${issuer}/authorize/callback`

test.each<[string, (url: string) => ProviderImitation]>([
  ['keycloak', (url) => keycloakImitation({ callback, url })],
  ['oidc', (url) => oidcImitation({ callback, issuer: url })],
])('%s on loopback signs users in', async (_, make) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const idp = make(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    idp.user = alice
    server.on(
      'request',
      toNodeHandler((request) => idp.handle(request)),
    )
    const signIn = upstream(idp.preset, { admit: ({ email }) => email === alice.email })
    const rig = new Rig({ issuer, signIn, fetch })
    const browser = new Browser(rig)
    const consent = await browser.visit(await requestUrl())
    const { location } = await browser.submit(consent, { decision: 'approve', scopes: ['notes:read'] })
    const answer = await fetch(location!, { redirect: 'manual' })
    const back = await browser.get(answer.headers.get('location')!, { 'sec-fetch-site': 'cross-site' })
    const form = { redirect_uri: 'http://127.0.0.1:3000/cb' }
    const tokens = await ok(
      await rig.redeem({ code: back.location!.searchParams.get('code')!, verifier, grantId: '' }, form),
    )
    expect(await rig.call(tokens.access_token)).toBe(200)
    expect(rig.seen[0]!.subject).toMatch(new RegExp(`^${idp.preset.issuer}\\|.*583231$`))
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
