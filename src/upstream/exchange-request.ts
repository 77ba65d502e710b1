import { ConfigurationError, isOAuthError, isUnavailableError, OAuthError } from '../errors.ts'
import type { TokenParameters } from '../http/token-endpoint.ts'
import { defined } from '../lib/defined.ts'
import { optionError } from '../lib/options.ts'
import { attribute } from '../lib/runtime.ts'
import type { ExchangeTarget, UpstreamToken } from '../types.ts'
import { refuseAnswer, type Remote } from './remote.ts'
import { requestTokens } from './token-request.ts'

/**
 * How a provider exchanges tokens: RFC 8693, or the on-behalf-of flow of Microsoft Entra ID.
 *
 * @inline
 */
export type ExchangeKind = 'rfc8693' | 'entra'

/**
 * Exchanges an access token of the provider for one of the same user for another API. Rejects with
 * UnavailableError, and with the provider's code if only the user can help.
 */
export async function requestExchange(
  remote: Remote,
  kind: ExchangeKind,
  subjectToken: string,
  target: ExchangeTarget,
): Promise<UpstreamToken> {
  const { grantType, parameters } = requestOf(remote, kind, subjectToken, target)
  try {
    const { accessToken, expiresAt, scopes } = (await requestTokens(remote, grantType, parameters)).tokens
    // A refresh token is not kept: the subject token decides how long the user is known.
    return { accessToken, ...defined({ expiresAt, scopes }) }
  } catch (error) {
    if (!isOAuthError(error) || isUnavailableError(error)) throw error
    const { code } = error
    const way = Object.hasOwn(ways, code) ? ways[code] : undefined
    // The provider's text may name the user and the application, so it goes nowhere.
    if (way !== undefined)
      throw new OAuthError(code, `The identity provider gives no token for this API: ${way}`, { status: 403 })
    const reason = 'The identity provider refused to exchange a token'
    throw attribute(
      new OAuthError('server_error', reason, { status: 502 }),
      'upstream.exchange',
      refuseAnswer(remote, reason, { code, cause: error }),
    )
  }
}

/** What only the user can do, by the code of RFC 6749 §5.2 and OpenID Connect Core §3.1.2.6. */
const ways: Readonly<Record<string, string>> = {
  invalid_grant: 'the user has to connect again',
  login_required: 'the user has to sign in again',
  interaction_required: 'the user has to sign in again, perhaps with a second factor',
  consent_required: 'the user, or an administrator, has to consent to it',
}

interface ExchangeRequest {
  readonly grantType: string
  readonly parameters: TokenParameters
}

const tokenType = 'urn:ietf:params:oauth:token-type:access_token'

function requestOf(
  { upstream }: Remote,
  kind: ExchangeKind,
  subjectToken: string,
  { resource, scope }: ExchangeTarget,
): ExchangeRequest {
  if (kind === 'entra')
    return {
      grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      parameters: {
        assertion: subjectToken,
        requested_token_use: 'on_behalf_of',
        scope: entraScope(resource, scope),
      },
    }
  // RFC 8693 §2.1: `resource` is a URL, `audience` a name; some providers know only the name.
  const isUrl = resource !== undefined && /^https?:\/\//.test(resource)
  const asResource = isUrl && upstream.provider.client?.resource === undefined
  return {
    grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
    parameters: {
      subject_token: subjectToken,
      subject_token_type: tokenType,
      requested_token_type: tokenType,
      [asResource ? 'resource' : 'audience']: resource,
      scope,
    },
  }
}

/**
 * Entra ID refuses `resource`: the API stands before each scope, and `.default` is all that is consented to.
 */
function entraScope(resource: string | undefined, scope: string | undefined): string | undefined {
  if (resource === undefined) return scope
  const base = resource.replace(/\/$/, '')
  const names = (scope ?? '.default').split(' ').filter(Boolean)
  return names.map((each) => (each.includes('://') ? each : `${base}/${each}`)).join(' ')
}

/** Throws if the target names nothing, or is not what it should be. */
export function checkTarget(target: ExchangeTarget): ExchangeTarget {
  const { resource, scope, ...unknown } = Object(target) as Record<string, unknown>
  for (const name of Object.keys(unknown))
    throw new ConfigurationError(`exchange.${name}`, 'is not an option; the options are resource, scope')
  for (const [name, value] of Object.entries({ resource, scope }))
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw optionError(`exchange.${name}`, 'a non-empty string', value)
  if (resource === undefined && scope === undefined)
    throw optionError('exchange', 'an object that names the other API, such as { resource, scope }', target)
  return target
}
