import { ConfigurationError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import type { ResolvedProviderOptions } from './options.ts'

type Settings = Pick<ResolvedProviderOptions, 'client' | 'callbackPath'>

/**
 * The URL for the user's browser. PKCE, `state` and `resource` are the client's part, which also keeps them.
 */
export async function startFlow(
  settings: Settings,
  resource: string,
  redirectUri: string,
): Promise<{ authorizationUrl: string; state: string }> {
  checkRedirect(settings, redirectUri)
  const url = await clientOf(settings).authorize(resource)
  return { authorizationUrl: url.href, state: url.searchParams.get('state') ?? '' }
}

/** Answers the browser at the redirect URI. Mix-up, CSRF and code injection are stopped by the client. */
export function finishFlow(
  settings: Settings,
  answer: { code: string; state: string; redirectUri: string; iss: string | undefined },
): Promise<Response> {
  const { redirectUri, ...parameters } = answer
  const url = checkRedirect(settings, redirectUri)
  url.search = String(new URLSearchParams(defined(parameters)))
  return clientOf(settings).callback(new Request(url))
}

function clientOf({ client }: Settings): NonNullable<Settings['client']> {
  if (client === undefined)
    throw new ConfigurationError(
      'client',
      'must be what createClient() of tollgate/client returns: it keeps state, PKCE verifier and tokens for each user. Clients of an MCP server sign in by themselves, so most servers need none',
    )
  return client
}

/** The path, or one segment below it: some issuers have a redirect URI of their own. */
function checkRedirect({ callbackPath }: Settings, redirectUri: string): URL {
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined
  const rest = url?.pathname.startsWith(callbackPath) ? url.pathname.slice(callbackPath.length) : undefined
  if (url === undefined || rest === undefined || !/^(?:\/[^/]+)?$/.test(rest))
    throw new ConfigurationError(
      'redirectUri',
      `must be a URL whose path is \`callbackPath\`, ${callbackPath}`,
    )
  return url
}
