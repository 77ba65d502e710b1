// The Worker that the routing suite talks to.
import { worker } from '../../src/adapter/workers.ts'
import { routedHandler, routedServer } from './routing-app.ts'

export default worker((env: { URL: string; KEYS: string }) =>
  routedHandler(routedServer(env.URL, JSON.parse(env.KEYS))),
)
