// An authorization server that the world reaches over https, and Next over http.
import { routes } from '../../../../../../src/adapter/next.ts'
import { createAuthorizationServer, ownLogin } from '../../../../../../src/authorization-server/index.ts'
import { memoryStore } from '../../../../../../src/store/memory.ts'

const as = createAuthorizationServer({
  issuer: 'https://notes.example.com/oauth',
  secret: 'thirty-two bytes at the very least!',
  store: memoryStore(),
  signIn: ownLogin({ identify: () => undefined, loginUrl: '/login' }),
  resources: { 'https://notes.example.com/mcp': { scopes: { 'notes:read': 'Read' } } },
  ...(process.env.BEHIND_PROXY ? { behindProxy: true } : {}),
})

export const { GET, HEAD, POST, OPTIONS } = routes(as)
