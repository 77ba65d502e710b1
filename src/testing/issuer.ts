import { jwtVerifier } from '../index.ts'
import { func, matching, readOptions, strings, url } from '../lib/options.ts'
import { resolveRuntime } from '../lib/runtime.ts'
import { isLoopbackHost } from '../protocol/loopback.ts'
import type { AuthorizationServer, Clock, Fetch, VerifiedToken } from '../types.ts'
import { createTestKeys } from './keys.ts'
import { createRefusedToken, type RefusedTokenName } from './refused-tokens.ts'
import { readTokenOptions, type TestTokenOptions } from './token-options.ts'

/** Options of {@link createTestIssuer}. */
export interface TestIssuerOptions {
  /** The resource identifier of the server under test: the audience of the tokens. */
  resource: string
  /** What the issuer offers, and what a token carries unless the test says otherwise. Default: none. */
  scopes?: readonly string[]
  /**
   * A URL below `.test` (RFC 6761 §6.2) or on a loopback address, so that no production issuer can be meant.
   * Default: `https://issuer.test`.
   */
  issuer?: string
  /** For `iat` and `exp`, in seconds since the epoch. Default: the system's clock. */
  clock?: Clock
}

/** An issuer in memory: an entry of `authorizationServers`. */
export interface TestIssuer extends AuthorizationServer {
  /**
   * A token that the guard accepts. Throws ConfigurationError if an option is wrong, or names a scope that
   * the issuer does not offer.
   */
  tokenFor(options?: TestTokenOptions): Promise<string>
  /** A token that the guard must answer with 401 `invalid_token`, by the name of what is wrong with it. */
  refusedToken(name: RefusedTokenName, options?: TestTokenOptions): Promise<string>
  /**
   * Answers the issuer's metadata and key set, for a guard that is configured with the issuer's URL or a
   * preset: pass it as `fetch`. Any other URL rejects.
   */
  readonly fetch: Fetch
}

/** What a verified token brings that is not in its claims. */
type Attachments = Pick<VerifiedToken, 'props' | 'choices' | 'upstream'>

/**
 * Creates an issuer for tests of a protected server: it signs RFC 9068 access tokens with a key of its own
 * and makes no request. The guard verifies them as it verifies those of any other issuer.
 *
 * The key exists only in this object, and the issuer's name is below `.test` or on loopback; a guard that has
 * one tells `option.weakening` at its start. Stores nothing.
 *
 * @throws ConfigurationError if an option is wrong, missing or unknown.
 * @see [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)
 *
 * @example
 * const issuer = createTestIssuer({ resource: 'https://notes.test/mcp', scopes: ['notes:read'] })
 * const rs = createResourceServer({ resource: 'https://notes.test/mcp', authorizationServers: [issuer] })
 * const token = await issuer.tokenFor({ subject: 'alice' })
 */
export function createTestIssuer(options: TestIssuerOptions): TestIssuer {
  const { resource, scopes, issuer, clock } = readOptions('createTestIssuer', options, {
    resource: url('the URL of the MCP server').required,
    scopes: strings().default([]),
    issuer: testUrl().default('https://issuer.test'),
    clock: func(),
  })
  const now = resolveRuntime(clock === undefined ? {} : { clock }).clock
  const keys = createTestKeys(issuer)
  const attached = new Map<string, Attachments>()
  const about = { issuer, resource, scopes, now }

  return {
    issuer,
    signing: 'keys',
    fetch: keys.fetch,
    offeredScopes: (asked) => (asked === resource ? scopes : undefined),
    verifier(asked, { cache: _cache, ...runtime }) {
      const { event } = resolveRuntime(runtime)
      event({ type: 'option.weakening', level: 'warning', issuer, detail: 'createTestIssuer' })
      // The key set of a test stays out of a shared cache.
      const inner = jwtVerifier({ issuer }).verifier(asked, { ...runtime, fetch: keys.fetch })
      return {
        accepts: (token, jws) => inner.accepts!(token, jws),
        async verify(token, jws) {
          const verified = await inner.verify(token, jws)
          return { ...verified, ...attached.get(String(verified.claims['jti'])) }
        },
      }
    },
    async tokenFor(given = {}) {
      const { claims, attachments } = readTokenOptions('tokenFor', given, about)
      attached.set(claims.jti, attachments)
      return keys.sign(claims)
    },
    async refusedToken(name, given = {}) {
      const { claims } = readTokenOptions('refusedToken', given, about)
      return createRefusedToken(name, claims, { keys, now: now() })
    },
  }
}

const testUrl = () =>
  matching<string>(
    'an https URL below .test, or a URL on a loopback address',
    (value) => {
      if (typeof value !== 'string' || !URL.canParse(value)) return false
      const { protocol, hostname } = new URL(value)
      return isLoopbackHost(hostname) || (protocol === 'https:' && hostname.endsWith('.test'))
    },
    'A test issuer cannot bear the name of a real one, so that it is not used in production',
  )
