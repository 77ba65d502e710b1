import { ConfigurationError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import { list, matching, optionError, readOptions, record, seconds, text, url } from '../lib/options.ts'
import { randomToken } from '../lib/random.ts'
import type { Clock, UpstreamToken, VerifiedToken } from '../types.ts'

/** Options of `tokenFor` and `refusedToken` of a test issuer. */
export interface TestTokenOptions {
  /** `auth.subject`. Default: `test-user`. */
  subject?: string
  /** `auth.clientId`. Default: `test-client`. */
  clientId?: string
  /** `auth.scopes`: some of those that the issuer offers. Default: all of them. */
  scopes?: readonly string[]
  /** The audience, if the server has several resources. Default: that of the issuer. */
  resource?: string
  /** Seconds until the token expires, 1–86 400. Default 900. */
  expiresIn?: number
  /** `auth.props`: JSON. Default: none. */
  props?: unknown
  /** `auth.choices`, by name. Default: none. */
  choices?: Readonly<Record<string, string>>
  /** What `auth.upstream(provider)` resolves to, by provider; without a name, the first. Default: none. */
  upstream?: Readonly<Record<string, UpstreamToken>>
  /** Seconds since the sign-in, for `maxAge` (RFC 9470). Default: the token does not say. */
  signedInFor?: number
  /** The `acr` claim, for `acrValues` (RFC 9470). Default: none. */
  acr?: string
  /** Other claims, for example `{ roles: ['editor'] }`. Default: none. */
  claims?: Readonly<Record<string, unknown>>
}

/** The claims of an access token (RFC 9068 §2.2). */
export type TestClaims = Readonly<Record<string, unknown>> & { readonly jti: string; readonly iat: number }

/** What the tokens of one issuer have in common. */
export interface TokenDefaults {
  readonly issuer: string
  readonly resource: string
  readonly scopes: readonly string[]
  readonly now: Clock
}

/** The claims that these options describe, and what is kept beside the token. */
export function readTokenOptions(
  caller: string,
  options: TestTokenOptions,
  { issuer, resource, scopes, now }: TokenDefaults,
): { claims: TestClaims; attachments: Pick<VerifiedToken, 'props' | 'choices' | 'upstream'> } {
  const read = readOptions(
    caller,
    options,
    {
      subject: text().default('test-user'),
      clientId: text().default('test-client'),
      scopes: list(oneOfOffered(scopes)).default(scopes),
      resource: url('the URL of the MCP server').default(resource),
      expiresIn: seconds({ min: 1, max: 86_400 }).default(900),
      props: matching<unknown>('JSON', isJson),
      choices: record(text().required, "{ workspace: 'acme' }"),
      upstream: record(upstreamToken().required, "{ github: { accessToken: 'test' } }"),
      signedInFor: seconds({ min: 0, max: 31_536_000 }),
      acr: text(),
      claims: record((value: unknown, name) => otherClaim(value, name), "{ roles: ['editor'] }").default({}),
    },
    { sub: 'subject', userId: 'subject', scope: 'scopes', audience: 'resource', authTime: 'signedInFor' },
  )
  const iat = Math.floor(now())
  const { signedInFor, props, choices, upstream } = read
  return {
    claims: {
      ...read.claims,
      iss: issuer,
      aud: read.resource,
      sub: read.subject,
      client_id: read.clientId,
      scope: read.scopes.join(' '),
      iat,
      exp: iat + read.expiresIn,
      jti: randomToken(),
      ...defined({ acr: read.acr, auth_time: signedInFor === undefined ? undefined : iat - signedInFor }),
    },
    attachments: {
      ...(props === undefined ? {} : { props: JSON.parse(JSON.stringify(props)) as unknown }),
      ...defined({ choices, upstream: upstream && upstreamOf(upstream) }),
    },
  }
}

/** A typing mistake in a test would otherwise pass as a scope that the guard does not know. */
const oneOfOffered = (scopes: readonly string[]) =>
  matching<string>(
    `one of ${scopes.join(', ') || 'none'}`,
    (value) => scopes.includes(value as string),
    'createTestIssuer({ scopes }) says which the issuer offers',
  )

const isJson = (value: unknown): boolean => {
  try {
    return JSON.stringify(value) !== undefined
  } catch {
    return false
  }
}

const upstreamToken = () =>
  matching<UpstreamToken>(
    "an object such as { accessToken: 'test' }",
    (value) => typeof (value as { accessToken?: unknown } | null)?.accessToken === 'string',
  )

const ownClaims = ['iss', 'aud', 'sub', 'client_id', 'scope', 'iat', 'exp', 'jti', 'acr', 'auth_time']

function otherClaim(value: unknown, name: string): unknown {
  if (ownClaims.includes(name.slice('claims.'.length)))
    throw new ConfigurationError(name, 'is set by the options of tokenFor(), or by refusedToken()')
  if (!isJson(value)) throw optionError(name, 'JSON', value)
  return value
}

const upstreamOf =
  (tokens: Readonly<Record<string, UpstreamToken>>): NonNullable<VerifiedToken['upstream']> =>
  async (provider = Object.keys(tokens)[0]) => {
    const token = provider !== undefined && Object.hasOwn(tokens, provider) ? tokens[provider] : undefined
    if (token === undefined) throw new Error('There is no upstream token')
    return token
  }
