// Who issues the tokens, who may come in, and what an agent gets to know of its user.
import { env, waitUntil } from 'cloudflare:workers'
import { createResourceServer, type AuthInfo, type SignIn } from 'tollgate'
import { createAuthorizationServer } from 'tollgate/authorization-server'
import { cloudflareKv } from 'tollgate/cache/cloudflare-kv'
import { github } from 'tollgate/provider/github'
import { dangerouslyDevSignIn } from 'tollgate/sign-in/development'
import { durableObject } from 'tollgate/store/durable-object'
import { upstream } from 'tollgate/upstream'

/** What the grant knows of a user: of the sign-in, and of `onTokens`. */
interface UserProps {
  name: string
  plan?: 'free' | 'team'
}

/** `this.props` of the agent. */
export interface Props extends Record<string, unknown> {
  /** Names the user among those of all issuers. */
  user: string
  name: string
  /** Open tasks at a time. */
  limit: number
}

const { PUBLIC_URL, TOLLGATE_SECRET, TEAM_PLAN } = env
const resource = `${PUBLIC_URL}/mcp`
const runtime = {
  cache: cloudflareKv(env.CACHE),
  waitUntil,
  clientAddress: (request: Request) => request.headers.get('cf-connecting-ip') ?? undefined,
}
const team = TEAM_PLAN.split(',')
  .map((each) => each.trim())
  .filter((each) => each !== '')

export const as = createAuthorizationServer({
  issuer: PUBLIC_URL,
  secret: TOLLGATE_SECRET,
  store: durableObject(env.TOLLGATE),
  resources: {
    [resource]: {
      name: 'Tasks',
      scopes: { 'tasks:read': 'See your tasks', 'tasks:write': 'Change your tasks' },
    },
  },
  signIn: signIn(),
  // The plan is looked up at each sign-in and each refresh; in your server, where you keep it.
  onTokens: ({ subject, props }) => ({
    props: { ...(props as UserProps), plan: team.includes(subject) ? 'team' : 'free' } satisfies UserProps,
  }),
  // A revoked grant ends at the next request. A number of seconds costs less, and ends it within that time.
  checkRevocation: 0,
  ...runtime,
})

export const rs = createResourceServer<UserProps>({
  resource,
  resourceName: 'Tasks',
  authorizationServers: [as],
  requiredScopes: ['tasks:read'],
  scopesSupported: ['tasks:read', 'tasks:write'],
  // An agent passes the headers of a request on to its tools: without the token.
  stripAuthorization: true,
  ...runtime,
})

/** What the agent of this request's session gets. */
export function propsOf({ issuer, subject, props }: AuthInfo<UserProps>): Props {
  // Issuer and subject together name a user.
  const user = JSON.stringify([issuer, subject])
  return { user, name: props?.name ?? 'unknown', limit: props?.plan === 'team' ? 100 : 3 }
}

/** GitHub, or under any name on this machine. */
function signIn(): SignIn {
  const { GITHUB_CLIENT_ID: clientId, GITHUB_CLIENT_SECRET: clientSecret } = env
  if (!clientId || !clientSecret) return dangerouslyDevSignIn()
  return upstream(github({ clientId, clientSecret }), {
    // Everyone with an account at GitHub. Return false for those who must stay out.
    admit: ({ claims }) => ({ props: { name: String(claims['login']) } satisfies UserProps }),
  })
}
