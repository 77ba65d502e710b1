import { ConfigurationError } from '../../errors.ts'
import type { ResourceServerOptions } from '../../index.ts'
import { defined } from '../../lib/defined.ts'
import { optionError } from '../../lib/options.ts'
import { oidc } from '../../provider/oidc.ts'
import { checkSecure } from '../../resource-server/servers.ts'
import { introspectionVerifier } from '../../resource-server/verify/introspection/introspection.ts'
import type { AuthorizationServer, Provider } from '../../types.ts'
import type { OAuthAuthProviderOptions, ValidationOptions } from './options.ts'
import { httpUrl } from './rows.ts'

type Servers = ResourceServerOptions['authorizationServers']

/** What `createResourceServer` takes. */
export function serversOf(given: OAuthAuthProviderOptions, resource: string): Servers {
  const { authorizationServers, authorizationServer, validation, introspection } = given
  const servers = oneOfTwo(
    'authorizationServers',
    authorizationServers,
    'authorizationServer',
    authorizationServer === undefined ? undefined : [authorizationServer],
  )
  const type =
    introspection !== undefined ? 'introspection' : authorizationServer !== undefined ? 'jwt' : undefined
  const how = validation ?? (type && { type })
  if (how === undefined) return servers
  const [listed] = servers
  if (servers.length > 1 || typeof listed !== 'string')
    throw new ConfigurationError(
      'authorizationServers',
      'must be one issuer URL, because `validation` is for one. For others leave `validation` out, and list issuers or presets such as okta({ … })',
    )
  const issuer = how.issuer ?? httpUrl().required(listed, 'authorizationServers[0]')
  if (how.type === 'jwt' && (how.introspection ?? introspection) !== undefined)
    throw new ConfigurationError(
      'introspection',
      'is not asked about tokens of `validation.type: "jwt"`; leave it out',
    )
  checkSecure('validation.issuer', new URL(issuer), given.dangerouslyAllowHttp ?? [])
  const server = how.type === 'jwt' ? jwts(how, issuer, resource) : opaqueTokens(given, how, issuer, resource)
  // Clients compare the issuer exactly, so a slash too many or too few is not another URL of the issuer.
  const isSame = listed.replace(/\/$/, '') === issuer.replace(/\/$/, '')
  return [{ ...server, issuer: isSame ? issuer : listed }]
}

/** Typed `JWT` or not at all, as most providers write them; what looks like an ID token is refused. */
function jwts(
  { audience, jwksUri, algorithms }: ValidationOptions,
  issuer: string,
  resource: string,
): Provider {
  return oidc({
    issuer,
    typ: 'jwt',
    ...defined({ audience: fixed(audience, resource), jwksUri, algorithms }),
  })
}

function opaqueTokens(
  { introspection: outer, clientId: id, clientSecret: secret }: OAuthAuthProviderOptions,
  { introspection = outer, audience }: ValidationOptions,
  issuer: string,
  resource: string,
): AuthorizationServer {
  if (introspection === undefined)
    throw optionError(
      'validation.introspection',
      'an object such as { endpoint, clientId, clientSecret }',
      undefined,
    )
  const { endpoint, cacheTTL, clientId = id, clientSecret = secret } = introspection
  if (clientId === undefined || clientSecret === undefined)
    throw new ConfigurationError('introspection', 'must have a clientId and a clientSecret (RFC 7662 §2.1)')
  const aud = fixed(audience, resource)
  return introspectionVerifier(
    { issuer, endpoint, audience: aud === undefined ? 'resource' : { aud: [aud] } },
    {
      authentication: { method: 'client_secret_basic', clientId, clientSecret },
      ...defined({ ttl: cacheTTL === undefined ? undefined : cacheTTL / 1000 }),
    },
  )
}

/** The audience, unless it is the resource itself. */
const fixed = (audience: string | undefined, resource: string): string | undefined =>
  audience === resource ? undefined : audience

/** An option that has an older name. */
export function oneOfTwo<T>(name: string, value: T | undefined, older: string, other: T | undefined): T {
  if (value !== undefined && other !== undefined)
    throw new ConfigurationError(older, `is the older name of \`${name}\`; leave it out`)
  const found = value ?? other
  if (found === undefined) throw new ConfigurationError(name, 'must be set')
  return found
}
