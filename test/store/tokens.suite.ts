// The rows TK, RV, G25 and ST of the checks for any store, any kind of token and any `checkRevocation`. Every driver's file
// runs them with the real thing behind it.
import { describe, expect } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import type { EmbeddedAuthorizationServer } from '../../src/authorization-server/index.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import type { Store } from '../../src/types.ts'
import { codeRows } from './codes.suite.ts'
import { refreshRows } from './refresh.suite.ts'
import { requestRows } from './requests.suite.ts'
import { revocationRows } from './revocation.suite.ts'
import { storeRows } from './grants.suite.ts'
import { basic, RES_A, RES_B, resources, Rig } from '../support/as.ts'

export interface SuiteSettings {
  checkRevocation: number | false
  accessTokens?: 'jwt' | 'opaque'
}

/** As the settled policy has it: all three, and opaque tokens. */
export const allSettings: readonly SuiteSettings[] = [
  { checkRevocation: false },
  { checkRevocation: 0 },
  { checkRevocation: 60 },
  { checkRevocation: false, accessTokens: 'opaque' },
]

export interface Suite {
  readonly accessTokens: 'jwt' | 'opaque'
  /** JWTs without `checkRevocation`: accepted by the guard until `exp`. */
  readonly unchecked: boolean
  /** Whether the guard asks the store at every request. */
  readonly checksAlways: boolean
  /** Has an issuer of its own: on a shared store it sees nothing of the others. */
  rig(options?: Partial<AuthorizationServerOptions>): Rig
  /** The server of this rig, and one more on each other connection. */
  instances(rig: Rig): EmbeddedAuthorizationServer[]
  /** Introspection sees it at once; the guard at the next request, within so many seconds, or at `exp`. */
  expectDead(rig: Rig, token: string): Promise<void>
}

/** `stores`: connections to the same records. They are asked for when a test runs. */
export function tokenSuite(stores: () => readonly Store[], settings: SuiteSettings): void {
  const suite = createSuite(stores, settings)
  const title =
    suite.accessTokens === 'opaque' ? 'opaque tokens' : `JWTs, checkRevocation ${settings.checkRevocation}`
  describe(`with ${title}`, () => {
    codeRows(suite)
    refreshRows(suite)
    requestRows(suite)
    revocationRows(suite)
    storeRows(suite)
  })
}

const introspectionSecret = 'the secret of a resource server, long enough'

function createSuite(
  stores: () => readonly Store[],
  { checkRevocation, accessTokens = 'jwt' }: SuiteSettings,
): Suite {
  const unchecked = accessTokens === 'jwt' && checkRevocation === false
  const issued = { accessTokens, introspectionSecret }
  return {
    accessTokens,
    unchecked,
    checksAlways: accessTokens === 'opaque' || checkRevocation === 0,
    rig: (options = {}) => {
      const rig = new Rig({
        issuer: newIssuer(),
        store: stores()[0]!,
        checkRevocation,
        resources: {
          [RES_A]: { ...resources[RES_A]!, ...issued },
          [RES_B]: { ...resources[RES_B]!, ...issued },
        },
        ...options,
      })
      // Some stores also have a clock of their own, for what may be swept.
      rig.now = Math.floor(Date.now() / 1000)
      return rig
    },
    instances: (rig) => [
      rig.as,
      ...stores()
        .slice(1)
        .map((store) => rig.twin({ store })),
    ],
    expectDead: async (rig, token) => {
      const url = rig.path('introspect')
      const answer = await rig.post({ token }, { url, headers: basic(RES_A, introspectionSecret) })
      expect(await answer.json()).toEqual({ active: false })
      if (unchecked) {
        expect(await rig.call(token)).toBe(200)
        rig.now += 900 + 6
      } else if (accessTokens === 'jwt') rig.now += checkRevocation || 0
      expect(await rig.call(token)).toBe(401)
    },
  }
}

export const newIssuer = (): string =>
  `https://as-${randomToken(8)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '0')}.test`
