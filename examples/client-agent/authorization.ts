// How this agent gets tokens: a user signs in at a terminal, or the agent acts for itself.
import { clientCredentials, createClient, type Client, type ClientOptions } from 'tollgate/client'
import { fileStorage, loopbackRedirect, nodeFetch, openUrl } from 'tollgate/node'
import { oneLine } from './call.ts'
import type { Settings } from './settings.ts'

export function createAuthorization(settings: Settings): Client {
  const { self, allowOrigins } = settings
  return createClient({
    clientName: 'Client agent',
    dangerouslyAllowOrigins: allowOrigins,
    // nodeFetch connects to public addresses only (SSRF); servers inside a network are listed by hand.
    ...(allowOrigins.length === 0 ? { fetch: nodeFetch } : {}),
    ...(self ? unattended(self, settings) : byUser(settings)),
  })
}

/** Tokens of a user lie in a folder that only this user can read, so that the next run does not ask. */
const byUser = ({ folder, interactive }: Settings): ClientOptions => ({
  storage: fileStorage(folder === undefined ? {} : { folder }),
  redirect: loopbackRedirect({
    async open(url, { server, scopes, issuer }) {
      if (!interactive) throw new Error(noTerminal)
      // The authorization server's page does not know the MCP server: say here who asks for what.
      console.error(
        oneLine(`${server} asks for ${scopes?.join(', ') ?? 'access'} at ${issuer}. Sign in here:`),
      )
      console.error(url.href)
      await openUrl(url).catch(() => undefined)
    },
  }),
})

const noTerminal =
  'The server wants a sign-in, and this is no terminal. Run it at a terminal once, or set AGENT_ISSUER, AGENT_CLIENT_ID and AGENT_CLIENT_SECRET.'

/** Tokens are cheap to get again, so they stay in memory. Only this server may have them (confused deputy). */
function unattended(self: NonNullable<Settings['self']>, { server }: Settings): ClientOptions {
  const { scopes, ...client } = self
  return { clients: [{ ...client, servers: [server.href] }], scopes, grant: clientCredentials() }
}
