// What the official SDK's client asks of an application that signs in: kept in memory. Fits SDK v1 and v2.
import { browse, type Visit } from './browser.ts'

export interface SdkSession {
  /** For the transport's `authProvider`. */
  readonly provider: SdkProvider
  /** Visits the page that the client wants shown, and returns the callback's parameters. */
  signIn(visit?: Visit): Promise<URLSearchParams>
}

export interface SdkProvider {
  readonly redirectUrl: string
  readonly clientMetadata: {
    client_name: string
    redirect_uris: string[]
    grant_types: string[]
    response_types: string[]
    token_endpoint_auth_method: string
  }
  state(): string
  clientInformation(): ClientInformation | undefined
  saveClientInformation(information: ClientInformation): void
  tokens(): Tokens | undefined
  saveTokens(tokens: Tokens): void
  redirectToAuthorization(url: URL): void
  saveCodeVerifier(verifier: string): void
  codeVerifier(): string
  saveDiscoveryState(state: unknown): void
  // The SDK's own type; what came in goes out.
  discoveryState(): undefined
  invalidateCredentials(scope: string): void
}

interface ClientInformation {
  client_id: string
}
interface Tokens {
  access_token: string
  token_type: string
  scope?: string | undefined
  refresh_token?: string | undefined
}

/** Nobody listens at `redirectUri`: the session reads it off the redirect. The user signs in under `name`. */
export function sdkSession(
  clientName: string,
  redirectUri = 'http://127.0.0.1:4567/callback',
  name = 'demo',
): SdkSession {
  const cookies = new Map<string, string>()
  let client: ClientInformation | undefined
  let tokens: Tokens | undefined
  let verifier = ''
  let discovery: unknown
  let state = ''
  let page: URL | undefined

  const provider: SdkProvider = {
    redirectUrl: redirectUri,
    clientMetadata: {
      client_name: clientName,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    state: () => (state = crypto.randomUUID()),
    clientInformation: () => client,
    saveClientInformation: (information) => void (client = information),
    tokens: () => tokens,
    saveTokens: (saved) => void (tokens = saved),
    redirectToAuthorization: (url) => void (page = url),
    saveCodeVerifier: (saved) => void (verifier = saved),
    codeVerifier: () => verifier,
    saveDiscoveryState: (saved) => void (discovery = saved),
    discoveryState: () => discovery as undefined,
    invalidateCredentials(scope) {
      if (scope === 'all' || scope === 'client') client = undefined
      if (scope === 'all' || scope === 'tokens') tokens = undefined
      if (scope === 'all' || scope === 'discovery') discovery = undefined
    },
  }
  return {
    provider,
    async signIn(visit = {}) {
      if (page === undefined) throw new Error('the client has not asked for a sign-in')
      const { searchParams } = await browse(page, redirectUri, { cookies, name, ...visit })
      page = undefined
      if (searchParams.get('state') !== state)
        throw new Error('the answer belongs to another request: state differs')
      if (!searchParams.has('code')) throw new Error(`the sign-in failed: ${searchParams.get('error')}`)
      return searchParams
    },
  }
}
