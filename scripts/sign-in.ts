// What `npm start -- --password` and `-- --upstream` need beside the server: a user with a password, or an identity provider.
import { randomBytes } from 'node:crypto'
import { startOidcProvider } from './oidc-provider.ts'

export interface PreparedSignIn {
  /** For the server. */
  readonly variables: Readonly<Record<string, string>>
  /** What a person who signs in has to know. */
  readonly says: string
  /** What the demo types, by the input's name. */
  readonly answers: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** A user for this run: `owner`, with a random password. */
export async function preparePassword(): Promise<PreparedSignIn> {
  // The build may have made it just now.
  const { hashPassword } = await import('tollgate/sign-in/password')
  const password = randomBytes(15).toString('base64url')
  return {
    variables: { OWNER_PASSWORD_HASH: await hashPassword(password) },
    says: `sign in as "owner" with the password ${password}`,
    answers: { username: 'owner', password },
    close: async () => undefined,
  }
}

/** An identity provider that knows nothing of MCP clients, on this machine: `oidc-provider`. */
export async function prepareUpstream(url: string, port: number): Promise<PreparedSignIn> {
  const client = { clientId: 'notes', clientSecret: randomBytes(24).toString('base64url') }
  const { issuer, close } = await startOidcProvider({
    port,
    scopes: ['profile', 'email'],
    resources: {},
    client: { ...client, redirectUri: `${url}/authorize/callback/oidc` },
  })
  return {
    variables: {
      UPSTREAM_ISSUER: issuer,
      UPSTREAM_CLIENT_ID: client.clientId,
      UPSTREAM_CLIENT_SECRET: client.clientSecret,
    },
    says: `sign in at the identity provider ${issuer}, under any name`,
    answers: {},
    close,
  }
}
