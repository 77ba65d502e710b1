import { ConfigurationError, InvalidTokenError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import { parseJws } from '../../protocol/jws.ts'
import { sameResource } from '../../protocol/resource.ts'
import type { TokenVerifier, UpstreamToken, VerifiedToken } from '../../types.ts'
import type { Context } from '../context.ts'
import type { GrantRecord } from '../grants.ts'
import { exchangeUpstream, signInAgain, upstreamToken } from '../grant/upstream-vault.ts'
import { createLiveness, type Alive } from './liveness.ts'
import { openProps, verifyAccessToken, type AccessToken, type Mismatch } from './access-token.ts'

/**
 * Verifies access tokens for a guard in the same process, with the key in memory. It reads the store for
 * opaque tokens and with `checkRevocation`.
 */
export function createVerifier(context: Context, resource: string): TokenVerifier {
  const configured = context.resources.find(resource)
  if (configured === undefined)
    throw new ConfigurationError(
      'authorizationServers',
      `must have the resource ${resource}; ${context.issuer} has ${context.resources.all.map((each) => each.resource).join(', ')}`,
    )
  const checkLiveness = createLiveness(context)
  const { checkRevocation } = context.options
  return {
    // Nothing is verified yet: this only chooses among the guard's issuers.
    accepts: (token, parsed) =>
      token.startsWith(context.opaquePrefix) || parseJws(token, parsed)?.payload['iss'] === context.issuer,
    async verify(token, parsed) {
      const found = await verifyAccessToken(context, token, parsed)
      if ('problem' in found) throw invalid(found.problem, found.values)
      const { claims, grantId, kid } = found
      // Audience (RFC 9068 §4): a token for another resource is refused (confused deputy).
      if (typeof claims.aud !== 'string' || !sameResource(claims.aud, configured.resource))
        throw invalid('is for another resource', { expected: configured.resource, received: claims.aud })
      const maxAge = kid === undefined ? 0 : checkRevocation
      const { grant } = requireAlive(await checkLiveness(found, maxAge))
      const props = await openProps(context, found, async () => grant ?? context.grants.live(grantId))
      return {
        issuer: claims.iss,
        subject: claims.sub,
        clientId: claims.client_id,
        scopes: claims.scope === '' ? [] : claims.scope.split(' '),
        expiresAt: claims.exp,
        claims: withoutProps(claims),
        props,
        ...defined({ choices: claims.choices }),
        ...upstreamOf(context, claims.sub, grantId),
        // The guard calls this for a cached verdict. Synchronous if nothing has to be read.
        revalidate() {
          const alive = checkLiveness(found, maxAge)
          if (alive instanceof Promise) return alive.then(requireAlive).then(() => undefined)
          requireAlive(alive)
        },
      } satisfies VerifiedToken
    },
  }
}

function requireAlive(alive: Alive | undefined): Alive {
  if (alive === undefined) throw invalid('was revoked')
  return alive
}

const invalid = (problem: string, values: Mismatch = {}): InvalidTokenError =>
  new InvalidTokenError(`The access token ${problem}`, values)

function withoutProps({ props: _props, ...claims }: AccessToken['claims']): Record<string, unknown> {
  return claims
}

/** What of other providers a tool can ask for. */
function upstreamOf(
  context: Context,
  subject: string,
  grantId: string,
): Pick<VerifiedToken, 'upstream' | 'link' | 'exchange'> {
  const { grants, links } = context
  const live = async (): Promise<GrantRecord> => {
    const grant = await grants.live(grantId)
    if (grant === undefined) throw signInAgain()
    return grant
  }
  return {
    // Linked accounts are the user's, but only a client that is still connected may use them.
    async upstream(provider) {
      const grant = await live()
      const own = (): Promise<UpstreamToken | undefined> => upstreamToken(context, grantId, grant, provider)
      const found = await (links === undefined ? own() : links.upstream(subject, provider, own))
      if (found !== undefined) return found
      throw new Error('There is no upstream token for this user')
    },
    async exchange(target) {
      const found = await exchangeUpstream(context, grantId, await live(), target)
      if (found !== undefined) return found
      throw new Error('There is no token exchange for this user')
    },
    ...(links && {
      link: (provider: string) => live().then(() => links.url({ subject, grantId }, provider)),
    }),
  }
}
