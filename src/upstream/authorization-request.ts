import { randomToken } from '../lib/random.ts'
import { defined } from '../lib/defined.ts'
import { s256 } from '../protocol/pkce.ts'
import { formatScope } from '../protocol/scope.ts'
import type { SignIn } from '../types.ts'
import { keptSignIn } from './kept.ts'
import type { Upstream } from './options.ts'
import type { Remote } from './remote.ts'

/** What the client wishes, and the leg. */
type Flow = Parameters<SignIn['start']>[1]

/**
 * Sends the browser to the provider. PKCE verifier, nonce and `state` are our own, never the client's: the
 * consent has bound them to this browser and this approval (confused deputy; OAuth 2.1 §4.1.1, OpenID Connect
 * Core §3.1.2.1). Rejects with UnavailableError if the provider's metadata cannot be had.
 */
export async function beginSignIn(remote: Remote, { leg, ...wishes }: Flow): Promise<Response> {
  const { upstream } = remote
  const { authorization_endpoint: endpoint } = await remote.metadata()
  const kept = { verifier: randomToken(32), nonce: randomToken() }
  leg.kept = keptSignIn.encode(kept)
  const url = new URL(endpoint)
  const parameters = {
    ...upstream.authorizationParameters,
    ...wishedParameters(upstream, wishes),
    response_type: 'code',
    client_id: upstream.clientId,
    redirect_uri: leg.callbackUrl,
    state: leg.state,
    // PKCE downgrade: always sent, whatever the metadata say; a server that does not know it ignores it.
    code_challenge: await s256(kept.verifier),
    code_challenge_method: 'S256',
    ...defined({
      scope: formatScope(upstream.scopes) || undefined,
      nonce: upstream.profile.protocol === 'oidc' ? kept.nonce : undefined,
    }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return new Response(null, { status: 303, headers: { location: url.href } })
}

/** What the client wishes of the sign-in, as far as the provider understands it. */
function wishedParameters(
  { profile, authorizationParameters }: Upstream,
  { prompt = '', maxAge, loginHint = '' }: Omit<Flow, 'leg'>,
): Record<string, string> {
  const isOidc = profile.protocol === 'oidc'
  const hintName = profile.loginHintParameter ?? (isOidc ? 'login_hint' : undefined)
  const hint = loginHint !== '' && hintName !== undefined
  return {
    ...defined({
      prompt: joinPrompts(profile, prompt, authorizationParameters['prompt'] ?? ''),
      max_age: isOidc && maxAge !== undefined ? String(maxAge) : undefined,
    }),
    ...(hint ? { [hintName]: loginHint } : {}),
  }
}

/**
 * The client's values that the provider takes, and the configured ones. `consent` is about our consent page,
 * so it never goes on. `none` stands by itself (OpenID Connect Core §3.1.2.1).
 */
function joinPrompts(
  { protocol, prompts }: Upstream['profile'],
  wished: string,
  own: string,
): string | undefined {
  const known = prompts ?? (protocol === 'oidc' ? ['login', 'select_account', 'none'] : [])
  const passed = wished.split(' ').filter((each) => each !== 'consent' && known.includes(each))
  if (passed.includes('none')) return 'none'
  return [...new Set([...own.split(' '), ...passed])].filter(Boolean).join(' ') || undefined
}
