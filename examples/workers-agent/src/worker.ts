// Cloudflare's `McpAgent` behind Tollgate: this Worker issues the tokens, guards /mcp, and passes the user on.
import { env } from 'cloudflare:workers'
import { operationScopes } from 'tollgate/operations'
import { createSessions } from 'tollgate/sessions'
import { withAuth, withoutAgentHeaders } from 'tollgate/workers'
import { TaskAgent } from './agent.ts'
import { as, propsOf, rs } from './auth.ts'
export { TollgateStore } from 'tollgate/store/durable-object'
export { TaskAgent } from './agent.ts'
export { TaskList } from './list.ts'

// What each tool needs. An agent knows its user, not the scopes of this request: the guard judges them.
const operations = operationScopes(
  {
    'tools/call': {
      who_am_i: ['tasks:read'],
      list_tasks: ['tasks:read'],
      add_task: ['tasks:write'],
      complete_task: ['tasks:write'],
      undo: ['tasks:write'],
    },
  },
  { default: 'deny' },
)

// `McpAgent` takes a session id from any caller. Bound to its user, it is 404 for all others (session hijacking).
const sessions = createSessions({ secret: env.TOLLGATE_SECRET })
const agent = TaskAgent.serve('/mcp', { binding: 'AGENT' })
const guarded = rs.protect(
  sessions.bind((request, auth, env: Env, context: ExecutionContext) =>
    // From a caller, `agents` would take props of another user (confused deputy).
    agent.fetch(withoutAgentHeaders(request), env, withAuth(context, auth, propsOf(auth))),
  ),
  { operations },
)

type Env = Cloudflare.Env

export default {
  fetch: async (request: Request, env: Env, context: ExecutionContext): Promise<Response> =>
    (await as.handle(request)) ?? guarded(request, env, context),
}
