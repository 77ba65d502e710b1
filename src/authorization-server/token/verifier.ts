import { ConfigurationError, InvalidTokenError } from '../../errors.ts'
import { parseJws } from '../../lib/jws.ts'
import { Lru } from '../../lib/lru.ts'
import { SingleFlight } from '../../lib/single-flight.ts'
import { sameResource } from '../../protocol/resource.ts'
import type { Awaitable, TokenVerifier, UpstreamToken, UpstreamTokens, VerifiedToken } from '../../types.ts'
import type { Context } from '../context.ts'
import { openForGrant } from '../grant/record.ts'
import type { GrantRecord } from '../grants.ts'
import { judgeAccessToken, openProps, type AccessToken, type Mismatch } from './tokens.ts'

/** Judges our access tokens for a guard in the same process: with the key in memory, and no store read unless asked for. */
export function createVerifier(context: Context, resource: string): TokenVerifier {
  const configured = context.resources.find(resource)
  if (configured === undefined)
    throw new ConfigurationError(
      'authorizationServers',
      `${context.issuer} has no resource ${resource}; its resources are ${context.resources.all.map((each) => each.resource).join(', ')}`,
    )
  const check = createGrantCheck(context)
  const { checkRevocation } = context.options
  return {
    // Untrusted: only who of several issuers is to judge.
    accepts: (token) =>
      token.startsWith(context.opaquePrefix) || parseJws(token)?.payload['iss'] === context.issuer,
    async verify(token) {
      const found = await judgeAccessToken(context, token)
      if ('problem' in found) throw invalid(found.problem, found.values)
      const { claims, grantId, opaque } = found
      if (typeof claims.aud !== 'string' || !sameResource(claims.aud, configured.resource))
        throw invalid('is for another resource', { expected: configured.resource, received: claims.aud })
      const maxAge = opaque ? 0 : checkRevocation
      const grant = maxAge === false ? undefined : await check(found, maxAge)
      const props = await openProps(context, found, async () => grant ?? context.grants.live(grantId))
      return {
        issuer: claims.iss,
        subject: claims.sub,
        clientId: claims.client_id,
        scopes: claims.scope === '' ? [] : claims.scope.split(' '),
        expiresAt: claims.exp,
        claims: withoutProps(claims),
        props,
        upstream: () => upstreamToken(context, grantId),
        revalidate: () =>
          afterwards(assertHolds(found.holds()), () => maxAge === false || check(found, maxAge)),
      } satisfies VerifiedToken
    },
  }
}

/** One after the other. At once if neither has to wait: then the guard does not wait, either. */
function afterwards(first: Awaitable<void>, second: () => Awaitable<unknown>): Awaitable<void> {
  if (first instanceof Promise) return first.then(second).then(() => undefined)
  const answer = second()
  return answer instanceof Promise ? answer.then(() => undefined) : undefined
}

/** A cached verdict rests on a key and an epoch: `revokeAll()` ends it. */
function assertHolds(holds: Awaitable<boolean>): Awaitable<void> {
  if (holds instanceof Promise) return holds.then(assertHolds)
  if (!holds) throw invalid('was revoked')
}

const invalid = (problem: string, values: Mismatch = {}): InvalidTokenError =>
  new InvalidTokenError(`The access token ${problem}`, values)

function withoutProps({ props: _props, ...claims }: AccessToken['claims']): Record<string, unknown> {
  return claims
}

/** A grant, and the time before it was read. */
interface Seen {
  grant: GrantRecord | undefined
  at: number
}

/** Whether the grant of a token still lives: asked at most once per grant and `maxAge` seconds; 0 asks each time. */
function createGrantCheck({
  grants,
  clients,
  runtime,
}: Context): (token: AccessToken, maxAge: number) => Awaitable<GrantRecord> {
  const seen = new Lru<Seen>(10_000)
  const flight = new SingleFlight<Seen>(runtime)
  const read = async (grantId: string, maxAge: number): Promise<GrantRecord | undefined> => {
    if (maxAge === 0) return grants.live(grantId)
    const found = await flight.run(grantId, async () => {
      const at = runtime.clock()
      return { grant: await grants.live(grantId), at }
    })
    seen.set(grantId, found)
    return found.grant
  }
  return ({ grantId, claims }, maxAge) => {
    const known = seen.get(grantId)
    const grant = known !== undefined && runtime.clock() - known.at < maxAge ? known : undefined
    const blocked = clients.isBlocked(claims.client_id)
    if (grant !== undefined && typeof blocked === 'boolean') return judged(grant.grant, blocked, claims.jti)
    return Promise.all([grant === undefined ? read(grantId, maxAge) : grant.grant, blocked]).then(
      ([record, isBlocked]) => judged(record, isBlocked, claims.jti),
    )
  }
}

function judged(grant: GrantRecord | undefined, blocked: boolean, jti: string): GrantRecord {
  if (grant === undefined || blocked || grant.revokedTokens?.some(([each]) => each === jti))
    throw invalid('was revoked')
  return grant
}

async function upstreamToken({ grants, sealer, issuer }: Context, grantId: string): Promise<UpstreamToken> {
  const sealed = (await grants.live(grantId))?.upstream
  const opened = sealed && (await openForGrant(sealer, issuer, grantId, 'upstream', sealed))
  if (!opened) throw new Error('There is no upstream token for this user')
  const { accessToken, expiresAt, scopes } = opened.value as UpstreamTokens
  return {
    accessToken,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(scopes === undefined ? {} : { scopes }),
  }
}
