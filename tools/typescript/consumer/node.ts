// Entry points of Node: they need its types, and Express's.
import { createServer } from 'node:http'
import express from 'express'
import { createResourceServer, type AuthInfo } from 'tollgate'
import { createClient } from 'tollgate/client'
import { authOf, endpoints, guard } from 'tollgate/express'
import { fileStorage, loopbackRedirect, nodeFetch, openUrl, toNodeHandler } from 'tollgate/node'

const rs = createResourceServer({
  resource: 'https://notes.example.com/mcp',
  authorizationServers: ['https://login.example.com'],
  fetch: nodeFetch,
})
createServer(toNodeHandler(rs.protect(() => new Response('ok'))))
const app = express()
app.use(endpoints(rs))
app.post('/mcp', guard(rs), (request, response) => {
  const auth: AuthInfo<{ plan: string }> = authOf<{ plan: string }>(request)
  response.json({ plan: auth.props?.plan })
})
createClient({ redirect: loopbackRedirect({ open: openUrl }), storage: fileStorage(), fetch: nodeFetch })
// @ts-expect-error the guard, not its options
guard({ resource: 'https://notes.example.com/mcp' })
// @ts-expect-error a handler of a Request
toNodeHandler((incoming: { url: string }, outgoing: { end(): void }) => outgoing.end())
