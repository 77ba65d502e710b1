// S2: whatever the request target looks like, the handler that runs is one of the resource that the guard
// judged.
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/runtime-port.ts'
import { places } from './routing-app.ts'
import { raw, type Start } from './adapter.suite.ts'
import { issuer } from './suite-app.ts'

/** Targets that a router might take to another resource than the guard does. */
const targets = (url: string): readonly string[] => [
  '/mail/mcp/../../notes/mcp',
  '/mail/mcp/%2e%2e/%2E%2e/notes/mcp',
  '/mail/mcp/.%2e/../notes/mcp/admin',
  '/mail/mcp/..%2f..%2fnotes/mcp',
  '/mail/mcp/..\\..\\notes\\mcp',
  '/notes/mcp/ADMIN',
  '/Notes/Mcp/admin',
  '/notes/mcp/%61dmin',
  '/notes/mcp/%2561dmin',
  '/notes/mcp/./admin',
  '/notes/mcp//admin',
  '/notes//mcp/admin',
  '/notes/mcp\\admin',
  '/notes/mcp%2fadmin',
  '/notes/mcp/admin/',
  '/notes/mcp/admin;x',
  '/notes/mcp/admin%00',
  '/notes/mcp/admin/..',
  '/notes/mcp/admin/../x',
  '/notes/mcp/admin#/../..',
  '/notes/mcp/x/../admin',
  '//notes/mcp/admin',
  `${url}/mail/mcp/../../notes/mcp`,
  `${url}/notes/mcp/%61dmin`,
]

/** `malformedHosts`: whether a `Host` that is none reaches the program. Default true. */
export function routingSuite(name: string, start: Start, { malformedHosts = true } = {}): void {
  describe(name, () => {
    let url = ''
    let host: Awaited<ReturnType<Start>>
    let token: (path: string) => Promise<string>

    beforeAll(async () => {
      const { publicKey, privateKey } = await generateKeyPair('ES256')
      url = `http://127.0.0.1:${await freePort()}`
      token = (path) =>
        new SignJWT({ scope: '', client_id: 'c' })
          .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })
          .setIssuer(issuer)
          .setSubject('alice')
          .setAudience(url + path)
          .setIssuedAt()
          .setJti(crypto.randomUUID())
          .setExpirationTime('5 min')
          .sign(privateKey)
      host = await start(url, { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] })
    })
    afterAll(() => host?.close())

    const call = async (target: string, path: string): Promise<{ status: number; text: string }> =>
      raw(Number(new URL(url).port), [`GET ${target} HTTP/1.1`, `Authorization: Bearer ${await token(path)}`])

    test('each resource takes its own tokens, and no other’s', async () => {
      for (const place of places)
        for (const audience of places) {
          const { status, text } = await call(place, audience)
          expect([place, audience, status]).toEqual([place, audience, place === audience ? 200 : 401])
          if (place === audience) expect(text).toContain(`"handler":"${place}"`)
        }
    })

    if (malformedHosts)
      test('G34 a Host that is none is 400, 401 or 421', async () => {
        for (const host of ['x@evil.example', '127.0.0.1/foo?', 'a"b'])
          for (const target of [places[0], `/.well-known/oauth-protected-resource${places[0]}`]) {
            const { status } = await raw(Number(new URL(url).port), [
              `GET ${target} HTTP/1.1`,
              `Host: ${host}`,
            ])
            expect([host, target, status]).toEqual([host, target, expect.toSatisfy((code) => code < 500)])
          }
      })

    test('G32, S2 no spelling of a path brings a token of one resource to the handler of another', async () => {
      for (const target of targets(url))
        for (const audience of places) {
          const { status, text } = await call(target, audience)
          if (status !== 200) {
            expect([target, status, [301, 307, 308, 400, 401, 404].includes(status)]).toEqual([
              target,
              status,
              true,
            ])
            continue
          }
          expect([target, text]).toEqual([target, expect.stringContaining(`"handler":"${audience}"`)])
        }
    })
  })
}
