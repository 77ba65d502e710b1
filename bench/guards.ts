// The guards that are compared: each as its documentation shows it, in front of a handler that does nothing.
import { createLocalJWKSet, jwtVerify } from 'jose'
import { Hono } from 'hono'
import { jwk } from 'hono/jwk'
import { withMcpAuth } from 'mcp-handler'
import { OAuthError, OAuthErrorCode, requireBearerAuth } from '@modelcontextprotocol/server'
import { createResourceServer, jwtVerifier, type ResourceServerOptions } from '../src/index.ts'
import { issuer, resource, type Tokens } from './tokens.ts'

export type Handler = (request: Request) => Response | Promise<Response>

export const ok = new Headers({ 'content-type': 'text/plain' })
export const answer = (): Response => new Response(null, { status: 200, headers: ok })

export function request(token?: string): Request {
  return new Request(resource, {
    method: 'POST',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
}

/** The claims that every verifier checks. */
export const claims = (alg: string) => ({
  issuer,
  audience: resource,
  algorithms: [alg],
  typ: 'at+jwt',
  requiredClaims: ['exp'],
})

function verifyWithJose({ alg, jwks }: Tokens) {
  const keys = createLocalJWKSet(jwks)
  return async (token: string) => {
    const { payload } = await jwtVerify(token, keys, claims(alg))
    return {
      token,
      clientId: String(payload['client_id']),
      scopes: String(payload['scope']).split(' '),
      expiresAt: payload.exp!,
    }
  }
}

export function peers(made: Tokens): Record<string, Handler> {
  const verify = verifyWithJose(made)
  const gate = requireBearerAuth({
    verifier: {
      verifyAccessToken: (token) =>
        verify(token).catch(() => {
          throw new OAuthError(OAuthErrorCode.InvalidToken, 'invalid token')
        }),
    },
    resourceMetadataUrl: 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp',
  })
  const hono = new Hono()
  hono.use(
    '*',
    jwk({
      keys: made.jwks.keys as never,
      alg: [made.alg as 'RS256'],
      verification: { iss: issuer, aud: resource, typ: 'at+jwt' } as never,
    }),
  )
  hono.all('*', answer)
  return {
    'mcp-handler + jose': withMcpAuth(
      answer,
      (_request, token) => (token ? verify(token).catch(() => undefined) : undefined),
      { required: true },
    ),
    'MCP SDK v2 + jose': async (incoming) => {
      const auth = await gate(incoming)
      return auth instanceof Response ? auth : answer()
    },
    'hono/jwk, keys given': (incoming) => hono.fetch(incoming),
    'a Map in front of jose': mapInFront(verify),
  }
}

/** What one writes by hand: a map from the token to its result. */
function mapInFront(verify: (token: string) => Promise<{ expiresAt: number }>): Handler {
  const cache = new Map<string, { expiresAt: number }>()
  return async (incoming) => {
    const header = incoming.headers.get('authorization')
    const match = header?.match(/^Bearer (.+)$/i)
    if (!match) return new Response(null, { status: 401 })
    let found = cache.get(match[1]!)
    if (found === undefined) {
      try {
        found = await verify(match[1]!)
      } catch {
        return new Response(null, { status: 401 })
      }
      cache.set(match[1]!, found)
    }
    return found.expiresAt > Date.now() / 1000 ? answer() : new Response(null, { status: 401 })
  }
}

/** The guard, with these options. */
export function tollgate({ alg, jwks }: Tokens, options: Partial<ResourceServerOptions> = {}): Handler {
  const rs = createResourceServer({
    resource,
    authorizationServers: [jwtVerifier({ issuer, keys: jwks, algorithms: [alg] })],
    ...options,
  })
  return rs.protect(answer)
}

/** Ours, by the name of the case: reporting must not cost the fast path. */
export const ours = (made: Tokens): Record<string, Handler> => ({
  tollgate: tollgate(made),
  'tollgate, with onEvent': tollgate(made, { onEvent: () => undefined }),
})
