import { expect, test } from 'vitest'
import { useExample } from '../support/provider-example.ts'
import { buildNext, startNext } from '../support/provider-next.ts'
import { freePort } from './suite.ts'

test('examples/next builds and starts as it is, and a client uses it', async () => {
  await buildNext('examples/next')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const secret = 'thirty-two bytes at the very least!'
  const app = await startNext('examples/next', port, { PUBLIC_URL: url, TOLLGATE_SECRET: secret })
  try {
    await useExample(new URL(`${url}/mcp`))
    // The issuer has a path; its metadata lies at all three places, and Next’s own idea of the host at none.
    for (const path of [
      '/.well-known/oauth-authorization-server/oauth',
      '/.well-known/openid-configuration/oauth',
      '/oauth/.well-known/openid-configuration',
    ]) {
      const response = await fetch(url + path)
      expect([path, response.status]).toEqual([path, 200])
      expect(await response.json()).toMatchObject({
        issuer: `${url}/oauth`,
        token_endpoint: `${url}/oauth/token`,
      })
    }
  } finally {
    await app.close()
  }
}, 300_000)
