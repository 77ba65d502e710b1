import type { AuthorizationServer, Provider } from '../../src/types.ts'
import { generic } from '../../src/provider/generic.ts'
import { introspectionVerifier } from '../../src/resource-server/introspection.ts'

export type TokenKind = 'jwt' | 'opaque'

/** What a host needs to know to guard its resource. */
export interface Wiring {
  /** Where it listens. */
  url: string
  issuer: string
  kind: TokenKind
}

export const introspector = {
  clientId: 'notes-resource-server',
  clientSecret: 'a secret of the resource server',
}

/** What a user writes for either kind of token. */
export function serverOf({ issuer, kind }: Wiring): Provider | AuthorizationServer {
  const introspectionEndpoint = `${issuer}/token/introspection`
  return kind === 'jwt'
    ? generic({ issuer })
    : introspectionVerifier(generic({ issuer, introspectionEndpoint, ...introspector }))
}
