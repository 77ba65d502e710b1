import { flag, oneOf, readOptions, text } from '../lib/options.ts'
import type { AudienceRule, Provider } from '../types.ts'
import { commonOptions, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link cognito}. */
export interface CognitoOptions extends Omit<CommonOptions, 'clientId'> {
  /** For example `eu-central-1`. */
  region: string
  /** For example `eu-central-1_AbCdEfGhI`. */
  userPoolId: string
  /**
   * The app clients whose tokens are accepted. Needed unless `resourceBinding`. With a `clientSecret`: the
   * one it belongs to. Default: none.
   */
  clientId?: string | readonly string[]
  /**
   * The user pool binds tokens to the resource (managed login, Essentials or Plus; a resource server whose
   * identifier is the MCP URL): check `aud`. Default false: check `client_id`.
   */
  resourceBinding?: boolean
  /**
   * The user pool's issuer configuration, which decides what its metadata says. Tokens of both forms are
   * accepted. Default `'ORIGINAL'`.
   */
  issuerType?: 'ORIGINAL' | 'UPDATED'
}

/**
 * Amazon Cognito user pools. Access tokens carry no `aud` unless the pool binds them to a resource, so it
 * is the app client that is checked.
 *
 * @see [Understanding the access
 * token](https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html)
 */
export function cognito(options: CognitoOptions): Provider {
  const { region, userPoolId, clientId, resourceBinding, issuerType, scopeClaims, ...common } = readOptions(
    'cognito',
    options,
    {
      region: text('an AWS region, for example eu-central-1', /^(?:eusc-)?[a-z]{2}(-[a-z]+)+-\d$/).required,
      userPoolId: text(
        'the id of a user pool, for example eu-central-1_AbCdEfGhI',
        /^[a-z0-9-]+_[A-Za-z0-9]+$/,
      ).required,
      resourceBinding: flag().default(false),
      issuerType: oneOf(['ORIGINAL', 'UPDATED']).default('ORIGINAL'),
      ...commonOptions(),
      clientId: oneOrMore(),
    },
  )
  const original = `https://cognito-idp.${region}.amazonaws.com/${userPoolId}`
  // Pools that are replicated to other regions.
  const updated = `https://issuer-cognito-idp.${region}.amazonaws.com/${userPoolId}`
  const [issuer, other] = issuerType === 'ORIGINAL' ? [original, updated] : [updated, original]
  const rule: AudienceRule = resourceBinding
    ? 'resource'
    : { claim: 'client_id', equals: oneOrMore().required(clientId, 'clientId') }
  return preset(
    {
      provider: 'cognito',
      issuer,
      jwt: {
        issuer,
        alsoIssuers: [other],
        jwksUri: `${issuer}/.well-known/jwks.json`,
        algorithms: ['RS256'],
        audience: rule,
        typ: 'jwt',
        // ID tokens say `id` here.
        requiredClaims: { token_use: 'access' },
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['client_id'],
      },
      // S256 works; the metadata does not say so. Without binding, `resource` ends in invalid_grant.
      client: { assumeS256: true, ...(resourceBinding ? {} : { resource: 'omit' as const }) },
      // Refresh tokens come without a scope of their own.
      signIn: {
        name: 'Cognito',
        protocol: 'oidc',
        idTokenAlgorithms: ['RS256'],
        nameClaims: ['email', 'cognito:username'],
        // The user's other refresh tokens are not affected.
        revocationEndsAll: false,
      },
    },
    { ...common, clientId: clientId?.[0] },
  )
}
