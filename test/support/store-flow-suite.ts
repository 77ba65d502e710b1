// The flows of the authorization server that live off the store, run against every driver with the real thing behind it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createContext } from '../../src/authorization-server/create-context.ts'
import {
  createAuthorizationServer,
  type AuthorizationServerOptions,
  type EmbeddedAuthorizationServer,
} from '../../src/authorization-server/index.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import { randomToken } from '../../src/lib/random.ts'
import { s256 } from '../../src/protocol/pkce.ts'
import { garbageMargin, type Store } from '../../src/store/contract.ts'
import type { Awaitable } from '../../src/types.ts'
import { freshKey, storeSuite, type StoreHarness } from './store-suite.ts'

const resource = 'https://mcp.test/mcp'
const secret = 'a deployment secret of at least 32 bytes'
const redirectUri = 'https://app.test/cb'
const instances = 5
const parallel = 50

type Setting = Pick<AuthorizationServerOptions, 'checkRevocation'> & { accessTokens: 'jwt' | 'opaque' }
const settings: [string, Setting][] = [
  ['JWTs', { accessTokens: 'jwt', checkRevocation: false }],
  ['JWTs, checkRevocation 0', { accessTokens: 'jwt', checkRevocation: 0 }],
  ['JWTs, checkRevocation 60', { accessTokens: 'jwt', checkRevocation: 60 }],
  ['opaque tokens', { accessTokens: 'opaque' }],
]

interface Tokens {
  access_token: string
  refresh_token: string
}
interface Answer {
  status: number
  headers: Headers
  body: Tokens & { error?: string }
}
interface Server {
  as: EmbeddedAuthorizationServer
  /** Approves in place of the consent page: a code, and the verifier that belongs to it. */
  approve(more?: { props?: unknown; upstream?: { accessToken: string } }): Promise<Approval>
  redeem(approval: Approval): Promise<Answer>
  refresh(token: string): Promise<Answer>
  /** What a guard says. */
  isAlive(accessToken: string): Promise<boolean>
}
interface Approval {
  code: string
  verifier: string
  subject: string
}

/** The contract, and what is built on it. */
export function storeAndFlowSuite(driver: string, open: () => Awaitable<StoreHarness>): void {
  storeSuite(driver, open)
  flowSuite(driver, open)
}

function flowSuite(driver: string, open: () => Awaitable<StoreHarness>): void {
  describe(`the authorization server on ${driver}`, () => {
    let harness: StoreHarness
    let stores: Store[]
    const time = { now: 0 }
    beforeAll(async () => {
      harness = await open()
      stores = await Promise.all(Array.from({ length: instances }, () => harness.connect()))
    })
    afterAll(() => harness?.close?.())
    beforeEach(() => {
      time.now = Math.floor(Date.now() / 1000)
    })

    /** Every test has an issuer of its own, so that nothing of another test is in its way. */
    const newIssuer = (): string => `https://${freshKey().split(':')[0]}.test`
    const server = (store: Store, issuer: string, { accessTokens, ...more }: Setting): Server => {
      const options: AuthorizationServerOptions = {
        issuer,
        secret,
        store,
        clock: () => time.now,
        signIn: { consent: 'after', identify: () => undefined, start: () => new Response() },
        resources: { [resource]: { scopes: { 'notes:read': 'Read your notes' }, accessTokens } },
        clients: [{ client_id: 'client', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }],
        rateLimit: { limit: () => Promise.resolve({ success: true }) },
        ...more,
      }
      const as = createAuthorizationServer(options)
      const { grants } = createContext(options).context
      const verifier = as.verifier(resource, { clock: () => time.now })
      const post = async (parameters: Record<string, string>): Promise<Answer> => {
        const body = new URLSearchParams({ client_id: 'client', ...parameters })
        const response = await as.handle(new Request(`${issuer}/token`, { method: 'POST', body }))
        const { status, headers } = response!
        return { status, headers, body: (await response!.json()) as Answer['body'] }
      }
      return {
        as,
        approve: async (more = {}) => {
          const codeVerifier = randomToken(32)
          const subject = randomToken()
          const code = await grants.create({
            id: randomToken(),
            clientId: 'client',
            clientName: undefined,
            subject,
            resources: [resource],
            scopes: ['notes:read'],
            redirectUri,
            codeChallenge: await s256(codeVerifier),
            ...more,
          })
          return { code, verifier: codeVerifier, subject }
        },
        redeem: ({ code, verifier: code_verifier }) =>
          post({ grant_type: 'authorization_code', code, code_verifier, redirect_uri: redirectUri }),
        refresh: (refresh_token) => post({ grant_type: 'refresh_token', refresh_token }),
        isAlive: async (accessToken) => {
          try {
            await verifier.verify(accessToken)
            return true
          } catch (error) {
            if (error instanceof InvalidTokenError) return false
            throw error
          }
        },
      }
    }
    const cluster = (setting: Setting, issuer = newIssuer()): Server[] =>
      stores.map((store) => server(store, issuer, setting))
    const racers = (servers: Server[]): Server[] =>
      Array.from({ length: parallel }, (_, i) => servers[i % servers.length]!)
    const jwts = settings[0]![1]

    const refused = { status: 400, body: { error: 'invalid_grant' } }
    /** Everything that was issued is dead; JWTs that nobody checks live to their end, as the policy says. */
    const expectDead = async (one: Server, tokens: Tokens, { accessTokens, checkRevocation }: Setting) => {
      expect(await one.refresh(tokens.refresh_token)).toMatchObject(refused)
      if (accessTokens === 'jwt' && checkRevocation === false) time.now += 1000
      else if (accessTokens === 'jwt' && checkRevocation) time.now += checkRevocation
      expect(await one.isAlive(tokens.access_token)).toBe(false)
    }

    describe.each(settings)('with %s', (_, setting) => {
      test('TK1 a code again, at once: refused, and the tokens live', async () => {
        const [one, two] = cluster(setting) as [Server, Server]
        const approval = await one.approve()
        const first = await one.redeem(approval)
        expect(first.status).toBe(200)
        expect(await two.redeem(approval)).toMatchObject(refused)
        expect(await two.isAlive(first.body.access_token)).toBe(true)
        expect((await two.refresh(first.body.refresh_token)).status).toBe(200)
      })

      test('TK1 a code again, 6 s later and with full proof: refused, and the tokens are dead', async () => {
        const [one, two] = cluster(setting) as [Server, Server]
        const approval = await one.approve()
        const { body } = await one.redeem(approval)
        expect(await two.isAlive(body.access_token)).toBe(true)
        time.now += 6
        expect(await two.redeem({ ...approval, verifier: randomToken(32) })).toMatchObject(refused)
        expect(await two.isAlive(body.access_token)).toBe(true)
        expect(await two.redeem(approval)).toMatchObject(refused)
        await expectDead(two, body, setting)
      })

      test('TK7 a refresh token whose successor was used: refused, and the family is dead', async () => {
        const [one, two] = cluster(setting) as [Server, Server]
        const first = (await one.redeem(await one.approve())).body
        const second = (await two.refresh(first.refresh_token)).body
        const third = (await one.refresh(second.refresh_token)).body
        expect(await two.refresh(first.refresh_token)).toMatchObject(refused)
        await expectDead(one, third, setting)
      })

      test('RV4 a grant revoked while 20 refreshes are in flight: nothing lives afterwards', async () => {
        const servers = cluster(setting)
        const one = servers[0]!
        const approval = await one.approve()
        const first = (await one.redeem(approval)).body
        const refreshes = racers(servers)
          .slice(0, 20)
          .map((each) => each.refresh(first.refresh_token))
        const [answers] = await Promise.all([Promise.all(refreshes), one.as.grants.revoke(approval.subject)])
        const issued = answers.filter(({ status }) => status === 200).map(({ body }) => body)
        expect(await one.as.grants.list(approval.subject)).toEqual([])
        for (const tokens of [first, ...issued].slice(0, 5)) await expectDead(one, tokens, setting)
      })
    })

    test('TK3 50 parallel redemptions of one code on five instances: one winner', async () => {
      const servers = cluster(jwts)
      for (let round = 0; round < 5; round++) {
        const approval = await servers[0]!.approve()
        const answers = await Promise.all(racers(servers).map((each) => each.redeem(approval)))
        const winners = answers.filter(({ status }) => status === 200)
        expect(winners).toHaveLength(1)
        for (const answer of answers) if (answer !== winners[0]) expect(answer).toMatchObject(refused)
        expect((await servers[1]!.refresh(winners[0]!.body.refresh_token)).status).toBe(200)
      }
    })

    test('TK9 50 parallel refreshes on five instances: all get the same successor, and the family has one head', async () => {
      const servers = cluster(jwts)
      let token = (await servers[0]!.redeem(await servers[0]!.approve())).body.refresh_token
      for (let round = 0; round < 5; round++) {
        const answers = await Promise.all(racers(servers).map((each) => each.refresh(token)))
        expect(answers.map(({ status }) => status)).toEqual(Array(parallel).fill(200))
        const successors = new Set(answers.map(({ body }) => body.refresh_token))
        expect(successors.size).toBe(1)
        expect(successors.has(token)).toBe(false)
        token = [...successors][0]!
      }
    })

    test('TK8 the answer to a refresh lost: the same successor inside the grace; after it the family is dead', async () => {
      const [one, two] = cluster(jwts) as [Server, Server]
      const first = (await one.redeem(await one.approve())).body.refresh_token
      const second = (await one.refresh(first)).body.refresh_token
      time.now += 29
      expect((await two.refresh(first)).body.refresh_token).toBe(second)
      time.now += 1
      expect(await two.refresh(first)).toMatchObject(refused)
      expect(await one.refresh(second)).toMatchObject(refused)
    })

    test('ST4 the answer of the store lost: the write is recognised, and the flow goes on', async () => {
      const issuer = newIssuer()
      const real = server(stores[0]!, issuer, jwts)
      const lossy: Store = {
        ...stores[1]!,
        put: async (...parameters) => {
          await stores[1]!.put(...parameters)
          throw new Error('the answer was lost')
        },
      }
      const unlucky = server(lossy, issuer, jwts)
      const approval = await real.approve()
      const first = await unlucky.redeem(approval)
      expect(first.status).toBe(200)
      expect(await real.redeem(approval)).toMatchObject(refused)
      const second = await unlucky.refresh(first.body.refresh_token)
      expect(second.status).toBe(200)
      expect((await real.refresh(second.body.refresh_token)).status).toBe(200)
    })

    test('ST4 the store out of reach: 503 and Retry-After, and nothing is consumed', async () => {
      const issuer = newIssuer()
      const real = server(stores[0]!, issuer, jwts)
      const approval = await real.approve()
      const dead = server(await harness.outage(), issuer, jwts)
      const unavailable = { status: 503, body: { error: 'temporarily_unavailable' } }
      const answer = await dead.redeem(approval)
      expect(answer).toMatchObject(unavailable)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      const { status, body } = await real.redeem(approval)
      expect(status).toBe(200)
      expect(await dead.refresh(body.refresh_token)).toMatchObject(unavailable)
      expect((await real.refresh(body.refresh_token)).status).toBe(200)
    })

    test('ST6 two issuers on one store: codes and refresh tokens of one are nothing to the other', async () => {
      const [one, other] = [newIssuer(), newIssuer()].map((issuer) => server(stores[0]!, issuer, jwts)) as [
        Server,
        Server,
      ]
      const approval = await one.approve()
      expect(await other.redeem(approval)).toMatchObject(refused)
      const { body } = await one.redeem(approval)
      expect(await other.refresh(body.refresh_token)).toMatchObject(refused)
      expect(await other.isAlive(body.access_token)).toBe(false)
      expect(await other.as.grants.list(approval.subject)).toEqual([])
      await other.as.grants.revoke(approval.subject)
      expect((await one.refresh(body.refresh_token)).status).toBe(200)
    })

    test('ST5 ten instances start at once on an empty store: one key ring', async () => {
      const issuer = newIssuer()
      const servers = Array.from({ length: 10 }, (_, i) => server(stores[i % instances]!, issuer, jwts))
      const rings = await Promise.all(
        servers.map(async ({ as }) => (await as.handle(new Request(`${issuer}/jwks.json`)))!.text()),
      )
      expect(new Set(rings).size).toBe(1)
      expect(JSON.parse(rings[0]!)).toHaveProperty('keys.0.kty', 'EC')
    })

    describe('at rest', () => {
      /** Everything that was ever written, as the backend itself gives it back. */
      const recording = (store: Store) => {
        const writes: { key: string; value: string; expiresAt: number | undefined }[] = []
        const recorder: Store = {
          ...store,
          put: async (key, value, options) => {
            const version = await store.put(key, value, options)
            const held = await store.get(key)
            if (held !== undefined) writes.push({ key, value: held.value, expiresAt: held.expiresAt })
            return version
          },
        }
        return { recorder, writes }
      }

      test('ST1 a dump after a full run holds nothing usable', async () => {
        const { recorder, writes } = recording(stores[0]!)
        const one = server(recorder, newIssuer(), { accessTokens: 'jwt', checkRevocation: 0 })
        const props = { planted: `props-${randomToken()}`, large: 'x'.repeat(2000) }
        const upstream = {
          accessToken: `upstream-${randomToken()}`,
          refreshToken: `upstream-${randomToken()}`,
        }
        const approval = await one.approve({ props, upstream })
        const first = (await one.redeem(approval)).body
        const second = (await one.refresh(first.refresh_token)).body
        const parts = [approval.code, first.refresh_token, second.refresh_token].flatMap((token) =>
          token.split('.').slice(1),
        )
        const planted = [
          ...parts,
          first.access_token,
          second.access_token,
          approval.verifier,
          props.planted,
          upstream.accessToken,
          upstream.refreshToken,
          secret,
          '"d":',
        ]
        expect(parts).toHaveLength(5)
        const kinds = new Set(writes.map(({ key }) => key.split(':')[1]))
        expect([...kinds].sort()).toEqual(['grant', 'ring', 'user'])
        const forms = writes.flatMap(({ key, value }) => [key, ...readings(value)])
        // The search finds what is there: the user's list names the grant.
        expect(forms.some((form) => form.includes(approval.code.split('.')[0]!))).toBe(true)
        for (const value of planted) expect(forms.filter((form) => form.includes(value))).toEqual([])
      })

      test('ST2 two grants with each other’s sealed values: neither gives anything away', async () => {
        const { recorder, writes } = recording(stores[0]!)
        const one = server(recorder, newIssuer(), { accessTokens: 'jwt', checkRevocation: 0 })
        const tokens: string[] = []
        for (const name of ['alice', 'bob']) {
          const approval = await one.approve({ upstream: { accessToken: `upstream of ${name}` } })
          tokens.push((await one.redeem(approval)).body.access_token)
        }
        const upstreamOf = async (token: string): Promise<string> =>
          (await (await one.as.verifier(resource, { clock: () => time.now }).verify(token)).upstream!())
            .accessToken
        expect(await upstreamOf(tokens[0]!)).toBe('upstream of alice')
        const keys = [...new Set(writes.map(({ key }) => key).filter((key) => key.endsWith(':grant')))]
        expect(keys).toHaveLength(2)
        const records = await Promise.all(keys.map((key) => stores[0]!.get(key)))
        const sealed = records.map((record) => (JSON.parse(record!.value) as { upstream: string }).upstream)
        for (const [i, key] of keys.entries()) {
          const value = records[i]!.value.replace(sealed[i]!, sealed[1 - i]!)
          await stores[0]!.put(key, value, {
            ifVersion: records[i]!.version,
            expiresAt: records[i]!.expiresAt,
          })
        }
        for (const token of tokens) await expect(upstreamOf(token)).rejects.toThrow()
      })

      test('ST3 every record has an end, and none is left of it after a purge', async () => {
        const { recorder, writes } = recording(stores[0]!)
        const one = server(recorder, newIssuer(), jwts)
        const { body } = await one.redeem(await one.approve())
        await one.refresh(body.refresh_token)
        const lifetime = 180 * 86_400
        const ended = writes.filter(({ key }) => !key.endsWith(':ring'))
        expect(ended.length).toBeGreaterThan(2)
        for (const { expiresAt } of ended) {
          expect(expiresAt).toBeGreaterThan(time.now)
          expect(expiresAt).toBeLessThanOrEqual(time.now + lifetime)
        }
        time.now += lifetime
        expect(await one.refresh(body.refresh_token)).toMatchObject(refused)
        if (!('sweep' in stores[0]!)) return
        const sweep = stores[0].sweep as (now: number) => Promise<number>
        while ((await sweep(time.now + garbageMargin + 1)) > 0);
        for (const { key } of ended) expect(await stores[0].get(key)).toBeUndefined()
      })
    })
  })
}

/** A value as it is, URL-decoded, and with every run of base64, base64url or hex decoded. */
function readings(value: string): string[] {
  const runs = value.match(/[A-Za-z0-9+/_-]{16,}/g) ?? []
  const decoded = runs.flatMap((run) => {
    const base64 = run.replaceAll('-', '+').replaceAll('_', '/')
    const bytes = [0, 1, 2, 3].map((offset) => atob(whole(base64.slice(offset))))
    const hex = /^[0-9a-f]+$/i.test(run)
      ? run.replaceAll(/../g, (pair) => String.fromCharCode(parseInt(pair, 16)))
      : ''
    return [...bytes, hex]
  })
  return [value, unescaped(value), ...decoded]
}

/** atob takes whole groups of four. */
const whole = (text: string): string => text.slice(0, text.length - (text.length % 4))

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
