// How users sign in is configuration: at an identity provider, with a password, or both; with neither, on this machine only, under any name.
import type { AuthInfo, SignIn } from 'tollgate'
import { oidc } from 'tollgate/provider/oidc'
import { dangerouslyDevSignIn } from 'tollgate/sign-in/development'
import { oneOf } from 'tollgate/sign-in/one-of'
import { passwordSignIn } from 'tollgate/sign-in/password'
import { upstream } from 'tollgate/upstream'

/** The environment variables of the sign-in. */
export interface SignInSettings {
  /** Of the user `owner`, as `npx tollgate password` prints it. */
  OWNER_PASSWORD_HASH?: string | undefined
  /** An OpenID Connect provider, with a client whose redirect URI is `<issuer>/authorize/callback/oidc`. */
  UPSTREAM_ISSUER?: string | undefined
  UPSTREAM_CLIENT_ID?: string | undefined
  UPSTREAM_CLIENT_SECRET?: string | undefined
}

export function signIn(settings: SignInSettings): SignIn {
  const { OWNER_PASSWORD_HASH: hash, UPSTREAM_ISSUER: issuer } = settings
  const { UPSTREAM_CLIENT_ID: clientId = '', UPSTREAM_CLIENT_SECRET: clientSecret = '' } = settings
  const ways: SignIn[] = []
  // Everybody who has an account there: return false for those who must stay out.
  if (issuer) ways.push(upstream(oidc({ issuer, clientId, clientSecret }), { admit: () => true }))
  if (hash) ways.push(passwordSignIn({ users: { owner: { hash } } }))
  if (ways.length > 1) return oneOf(...ways)
  return ways[0] ?? dangerouslyDevSignIn()
}

/** The tool `who_am_i`, where users sign in at an identity provider: a call there with the user's own token. */
export function whoAmI({
  UPSTREAM_ISSUER: issuer,
}: SignInSettings): ((auth: AuthInfo) => Promise<string>) | undefined {
  return issuer ? (auth) => accountAt(issuer, auth) : undefined
}

async function accountAt(issuer: string, auth: AuthInfo): Promise<string> {
  const { accessToken } = await auth.upstream()
  const metadata = await fetch(`${issuer}/.well-known/openid-configuration`)
  const { userinfo_endpoint } = (await metadata.json()) as { userinfo_endpoint: string }
  const response = await fetch(userinfo_endpoint, { headers: { authorization: `Bearer ${accessToken}` } })
  return response.text()
}
