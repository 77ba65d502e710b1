import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { audienceRule, base, oneOrMore, opaqueOptions, preset, type OpaqueOptions } from './preset.ts'

/** Options of {@link propelauth}. The credentials are those of introspection. */
export interface PropelauthOptions extends OpaqueOptions {
  /** For example `https://auth.example.com`. */
  authUrl: string
  /** Default: the resource itself, which clients have to ask for. */
  audience?: string | readonly string[]
}

/**
 * PropelAuth, MCP authentication. Access tokens are judged by introspection: `introspectionVerifier(
 * propelauth({ … }))`. For verification only: its documentation does not say how its MCP clients learn who
 * signed in.
 *
 * @see [MCP authentication API](https://docs.propelauth.com/reference/api/mcp)
 */
export function propelauth(options: PropelauthOptions): Provider {
  const { authUrl, audience, scopeClaims, ...credentials } = readOptions('propelauth', options, {
    authUrl: base().required,
    audience: oneOrMore(),
    ...opaqueOptions(),
  })
  const issuer = `${authUrl}/oauth/2.1`
  return preset(
    {
      provider: 'propelauth',
      issuer,
      opaque: {
        issuer,
        endpoint: `${issuer}/introspect`,
        audience: audienceRule(audience),
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['client_id'],
      },
    },
    credentials,
  )
}
