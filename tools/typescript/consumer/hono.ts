// Hono's own declarations need TypeScript 5.7.
import { Hono } from 'hono'
import { createResourceServer } from 'tollgate'
import { endpoints, guard } from 'tollgate/hono'

const rs = createResourceServer({
  resource: 'https://notes.example.com/mcp',
  authorizationServers: ['https://login.example.com'],
})
const app = new Hono()
app.use(endpoints(rs))
app.post('/mcp', guard(rs, { scopes: ['notes:read'] }), (c) => c.text(c.get('auth').clientId))
// @ts-expect-error the guard, not its options
guard({ resource: 'https://notes.example.com/mcp' })
