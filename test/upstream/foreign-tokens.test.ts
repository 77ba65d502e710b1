// CN12: tokens that another provider has issued go nowhere, whoever hands them over.
import { expect, test } from 'vitest'
import type { SignInRuntime, VaultEntry, VaultRecord } from '../../src/types.ts'
import { upstream } from '../../src/upstream/index.ts'
import { UpstreamImitation } from '../support/upstream-imitation.ts'

const now = 1_800_000_000

test.each<[string, Partial<VaultEntry>]>([
  ['fresh', { issuer: 'https://other.test', expiresAt: now + 3600 }],
  ['expired', { issuer: 'https://other.test', expiresAt: now - 1 }],
  ['without an expiry', { issuer: 'https://other.test' }],
  ['of an issuer that differs in a slash', { issuer: 'https://id.acme.test/', expiresAt: now - 1 }],
  ['that do not say who issued them', { expiresAt: now - 1 }],
])('CN12 tokens of another provider, %s: neither used, renewed, exchanged nor revoked', async (_, more) => {
  const idp = new UpstreamImitation()
  const provider = idp.provider({ signIn: { name: 'Acme', protocol: 'oidc', exchange: 'rfc8693' } })
  const access = upstream(provider, { admit: () => true }).upstreams![0]!
  const runtime: SignInRuntime = {
    fetch: idp.fetch,
    clock: () => now,
    requestsOwnIo: false,
    event: () => undefined,
  }
  const entry: VaultEntry = { accessToken: 'at', refreshToken: 'rt', ...more }
  const writes: unknown[] = []
  const vault: VaultRecord = {
    runtime,
    id: 'vault',
    about: {},
    async update(judge) {
      const { write, result } = judge(entry, false)
      if (write !== undefined) writes.push(write)
      return result
    },
  }
  await expect(access.token(vault)).rejects.toMatchObject({ code: 'invalid_grant' })
  const exchanged = access.exchange!(vault, { resource: 'https://api.test' })
  await expect(exchanged).rejects.toMatchObject({ code: 'invalid_grant' })
  await access.revoke(entry, runtime)
  // They stay as they are: the provider may be configured again.
  expect([idp.requests, writes]).toEqual([[], []])
})
