import { ConfigurationError, isOAuthError } from '../errors.ts'
import { within } from '../lib/within.ts'
import { authorizationServerMetadataUrls } from '../protocol/well-known.ts'
import type { Deployment } from '../types.ts'

/** What `health` looks at: what `createResourceServer()` or `createAuthorizationServer()` returned. */
export type HealthPart =
  | { readonly deployment: Pick<Deployment, 'resources' | 'clock'> }
  | {
      readonly issuer: string
      readonly grants: { list(subject: string): Promise<unknown> }
      handle(request: Request): Promise<Response | undefined>
    }

/** One thing that has to work. */
export interface HealthCheck {
  /**
   * `clock`, `keys` (tokens can be verified), `store` (it can be read), `signing-key` (tokens can be signed).
   */
  readonly name: 'clock' | 'keys' | 'store' | 'signing-key'
  /** The resource or the issuer that it is about. */
  readonly of?: string
  /** Whether it works. */
  readonly ok: boolean
  /** What is wrong. Carries no secret. */
  readonly detail?: string
}

/** Whether this process can serve. */
export interface Health {
  /** Whether all checks are. */
  readonly ok: boolean
  /** All that was checked. */
  readonly checks: readonly HealthCheck[]
}

/** In seconds, for all checks together: they run at the same time. */
const deadline = 3

/**
 * Whether this process can verify and issue tokens now, for a readiness check. Takes guards and embedded
 * authorization servers, and 3 seconds at most. It costs what a request costs: one read of the store, and the
 * issuer's key set if it is not fresh. Verifiers that ask their issuer for each token (introspection) are not
 * checked.
 *
 * A failure is a check that is not `ok`; only a wrong argument rejects, with ConfigurationError. Stores
 * nothing.
 *
 * @example
 * const { ok, checks } = await health(rs, as)
 * return Response.json({ ok, checks }, { status: ok ? 200 : 503 })
 */
export async function health(...parts: readonly HealthPart[]): Promise<Health> {
  if (parts.length === 0) throw wrongPart('parts')
  const checks = await Promise.all(parts.flatMap((part, i) => checksOf(part, `parts[${i}]`)))
  return { ok: checks.every(({ ok }) => ok), checks }
}

function checksOf(part: HealthPart, name: string): Promise<HealthCheck>[] {
  const { deployment, issuer, grants, handle } = Object(part) as Partial<
    Extract<HealthPart, { deployment: unknown }> & Extract<HealthPart, { issuer: unknown }>
  >
  if (deployment !== undefined)
    return [
      check({ name: 'clock' }, async () => checkClock(deployment.clock())),
      ...deployment.resources.map(({ resource, ready }) => check({ name: 'keys', of: resource }, ready)),
    ]
  if (issuer === undefined || typeof grants?.list !== 'function' || typeof handle !== 'function')
    throw wrongPart(name)
  return [
    // A user that no sign-in returns: it has no record, so this is one read.
    check({ name: 'store', of: issuer }, () => grants.list('tollgate:health')),
    check({ name: 'signing-key', of: issuer }, () =>
      checkSigningKey(issuer, (request) => handle.call(part, request)),
    ),
  ]
}

const wrongPart = (name: string): ConfigurationError =>
  new ConfigurationError(name, 'must be what createResourceServer() or createAuthorizationServer() returned')

async function check(
  about: Pick<HealthCheck, 'name' | 'of'>,
  work: () => Promise<unknown>,
): Promise<HealthCheck> {
  try {
    const settled = await within(deadline, work())
    return settled === undefined
      ? { ...about, ok: false, detail: 'no answer in time' }
      : { ...about, ok: true }
  } catch (error) {
    // Foreign errors may quote secrets.
    const detail = isOAuthError(error) || error instanceof Problem ? error.message : 'failed'
    return { ...about, ok: false, detail }
  }
}

/** What is wrong, in words of ours. */
class Problem extends Error {}

/** A clock in milliseconds, or one that starts in 1970, makes every token expired or eternal. */
function checkClock(now: number): void {
  if (now >= earliest && now < latest) return
  throw new Problem(
    `the clock says ${now}; it must be in seconds since the epoch, and of this decade or later`,
  )
}

/** 2025-01-01, and a number that is in milliseconds. */
const [earliest, latest] = [1_735_689_600, 1e11]

/** The server's own answer, without the network: the key set that guards elsewhere verify with. */
async function checkSigningKey(
  issuer: string,
  handle: (request: Request) => Promise<Response | undefined>,
): Promise<void> {
  const metadata = await readJson(handle, authorizationServerMetadataUrls(issuer)[0]!)
  const { keys } = await readJson(handle, String(metadata['jwks_uri']))
  if (!Array.isArray(keys) || keys.length === 0) throw new Problem('the key set is empty')
}

async function readJson(
  handle: (request: Request) => Promise<Response | undefined>,
  url: string,
): Promise<Record<string, unknown>> {
  const response = await handle(new Request(url))
  if (response?.ok !== true) throw new Problem(`${new URL(url).pathname} answers ${response?.status ?? 404}`)
  return (await response.json()) as Record<string, unknown>
}
