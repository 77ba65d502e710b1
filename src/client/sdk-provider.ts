import { randomToken } from '../lib/random.ts'
import { ConfigurationError, OAuthError } from '../errors.ts'
import { checkUrl } from '../http/guarded-fetch.ts'
import { contextOf, type Client } from './create-client.ts'
import type { Redirect } from './options.ts'
import { failurePage, successPage } from './page.ts'
import { checkServer, outgoing } from './outgoing.ts'
import { keys, read, save, type RegistrationRecord, type TokenRecord } from './records.ts'
import { legal } from './scopes.ts'

/** The members of the official SDK's client information that we read and write. */
interface ClientInformation {
  client_id: string
  client_secret?: string | undefined
  issuer?: string | undefined
  [member: string]: unknown
}
interface SdkTokens {
  access_token: string
  token_type: string
  expires_in?: number | undefined
  issuer?: string | undefined
  refresh_token?: string | undefined
  scope?: string | undefined
  [member: string]: unknown
}
interface IssuerContext {
  issuer: string
}

/** The official SDK's `OAuthClientProvider` (v1 and v2), without depending on the SDK. */
export interface SdkClientProvider {
  readonly redirectUrl: string
  readonly clientMetadataUrl?: string
  readonly clientMetadata: {
    client_name: string
    redirect_uris: string[]
    grant_types: string[]
    response_types: string[]
  }
  state(): Promise<string>
  clientInformation(context?: IssuerContext): Promise<ClientInformation | undefined>
  saveClientInformation(information: ClientInformation, context?: IssuerContext): Promise<void>
  tokens(context?: IssuerContext): Promise<SdkTokens | undefined>
  saveTokens(tokens: SdkTokens, context?: IssuerContext): Promise<void>
  redirectToAuthorization(url: URL): Promise<void>
  saveCodeVerifier(verifier: string): Promise<void>
  codeVerifier(): Promise<string>
  saveDiscoveryState(state: object): Promise<void>
  discoveryState(): Promise<any>
  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): Promise<void>
  /** Where the person has to go, where `redirect` is a URL: the host sends him there. */
  readonly authorizationUrl: URL | undefined
  /**
   * The parameters of the callback, for `transport.finishAuth`, when their `state` is the one that was sent: the SDK does not look.
   * `url` is where the browser arrived; it can be left out where `redirect` has its own way back.
   */
  callback(url?: string | URL): Promise<URLSearchParams>
}

/**
 * The client as the official SDK's `OAuthClientProvider`, for hosts that want the SDK to drive. Registrations and tokens lie in the
 * client's storage, kept apart by issuer. Where the choice is free, pass `client.fetch` to the transport instead.
 *
 * @param client Its `redirect` is a URL, or has a fixed one: `pasteRedirect`, or `loopbackRedirect` with a port.
 * @param server The MCP server's URL: one provider is for one server.
 */
export function toOAuthClientProvider(client: Client, server: string | URL): SdkClientProvider {
  if (!URL.canParse(String(server))) throw new ConfigurationError('server', "pass the MCP server's URL")
  const context = contextOf(client)
  const { storage, options, runtime } = context
  const at = (name: string): Promise<string> => keys.sdk(`${name} ${String(server)} ${options.subject}`)
  const tokenKey = (issuer: string): Promise<string> =>
    keys.tokens(issuer, `sdk ${String(server)}`, options.subject)
  const issuerOf = async (given?: IssuerContext): Promise<string> =>
    given?.issuer ?? (await storage.get(await at('issuer'))) ?? ''
  checkServer(context, String(server))
  const redirectUrl = typeof options.redirect === 'string' ? options.redirect : options.redirect?.uri
  if (redirectUrl === undefined)
    throw new ConfigurationError(
      'redirect',
      'the SDK wants to know it beforehand: pass a URL, or fix the port',
    )
  let authorizationUrl: URL | undefined
  let arrived: Promise<URL> | undefined

  return {
    redirectUrl,
    get authorizationUrl() {
      return authorizationUrl
    },
    ...(options.clientMetadataUrl === undefined ? {} : { clientMetadataUrl: options.clientMetadataUrl }),
    clientMetadata: {
      client_name: options.clientName,
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    async state() {
      const state = randomToken()
      await storage.set(await at('state'), state)
      return state
    },
    async clientInformation(given) {
      const issuer = await issuerOf(given)
      const byHand = options.clients.find((each) => each.issuer === issuer)
      const known = byHand ?? (await read<RegistrationRecord>(storage, await keys.registration(issuer)))
      if (known === undefined || known.issuer !== issuer) return undefined
      // A secret that has ended is no registration any more.
      if ('expiresAt' in known && known.expiresAt! <= runtime.clock()) return undefined
      const method = 'method' in known ? known.method : byHand?.authMethod
      return {
        client_id: known.clientId,
        client_secret: known.clientSecret,
        ...(method === undefined ? {} : { token_endpoint_auth_method: method }),
        ...stamp(issuer),
      }
    },
    async saveClientInformation({ client_id: clientId, client_secret: clientSecret, ...rest }, given) {
      const issuer = given?.issuer ?? rest.issuer ?? ''
      await storage.set(await at('issuer'), issuer)
      const { token_endpoint_auth_method: method, client_secret_expires_at: ends } = rest
      await save<RegistrationRecord>(storage, await keys.registration(issuer), {
        issuer,
        clientId,
        ...(typeof clientSecret === 'string' ? { clientSecret } : {}),
        ...(typeof method === 'string' ? { method } : {}),
        ...(typeof ends === 'number' && ends > 0 ? { expiresAt: ends } : {}),
        redirectUri: redirectUrl,
      })
    },
    async tokens(given) {
      const issuer = await issuerOf(given)
      const record = await read<TokenRecord>(storage, await tokenKey(issuer))
      if (record === undefined || record.issuer !== issuer) return undefined
      const { accessToken, type, refreshToken, granted, expiresAt } = record
      return {
        access_token: accessToken,
        token_type: type,
        ...stamp(issuer),
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
        ...(granted === undefined ? {} : { scope: granted.join(' ') }),
        ...(expiresAt === undefined
          ? {}
          : { expires_in: Math.max(0, Math.floor(expiresAt - runtime.clock())) }),
      }
    },
    async saveTokens(tokens, given) {
      const issuer = given?.issuer ?? tokens.issuer ?? (await issuerOf())
      const record: TokenRecord = {
        issuer,
        clientId: '',
        accessToken: tokens.access_token,
        type: /^dpop$/i.test(tokens.token_type) ? 'dpop' : 'bearer',
        ...(tokens.refresh_token === undefined ? {} : { refreshToken: tokens.refresh_token }),
        ...(tokens.scope === undefined ? {} : { granted: legal(tokens.scope) }),
        ...(tokens.expires_in === undefined ? {} : { expiresAt: runtime.clock() + tokens.expires_in }),
      }
      await save(storage, await tokenKey(issuer), record)
      // Reads for a single request name no issuer, and v1 never does.
      await storage.set(await at('issuer'), issuer)
    },
    async redirectToAuthorization(url) {
      // The SDK's discovery is not ours: what it found is judged here.
      checkUrl(url, outgoing(context, String(server)))
      authorizationUrl = url
      if (typeof options.redirect !== 'object') return
      arrived = (await visit(options.redirect, url, options.authorizationTimeout)).back
      // Whoever asks for the answer hears of it.
      arrived.catch(() => undefined)
    },
    saveCodeVerifier: async (verifier) => storage.set(await at('verifier'), verifier),
    async codeVerifier() {
      const verifier = await storage.get(await at('verifier'))
      if (verifier === undefined) throw new OAuthError('invalid_callback', 'No authorization is under way')
      return verifier
    },
    saveDiscoveryState: async (state) => save(storage, await at('discovery'), state),
    discoveryState: async () => read(storage, await at('discovery')),
    async invalidateCredentials(scope) {
      const issuer = await issuerOf()
      const all = {
        tokens: await tokenKey(issuer),
        client: await keys.registration(issuer),
        verifier: await at('verifier'),
        discovery: await at('discovery'),
      }
      for (const [name, key] of Object.entries(all))
        if (scope === 'all' || scope === name) await storage.delete(key)
    },
    async callback(url) {
      const { searchParams } = new URL(url ?? (await arrived) ?? redirectUrl)
      const stateKey = await at('state')
      const expected = await storage.get(stateKey)
      await storage.delete(stateKey)
      const states = searchParams.getAll('state')
      if (expected === undefined || states.length !== 1 || states[0] !== expected)
        throw new OAuthError('invalid_callback', 'This answer belongs to no authorization of ours')
      return searchParams
    },
  }
}

/** The SDK passes over what is stamped for another issuer; older ones say none. */
const stamp = (issuer: string): { issuer?: string } => (issuer === '' ? {} : { issuer })

/** Shows the page; `back` settles when the browser is there with the state that was sent, or when the time is over. */
async function visit(redirect: Redirect, url: URL, timeout: number): Promise<{ back: Promise<URL> }> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let arrive!: (url: URL) => void
  const back = new Promise<URL>((resolve, reject) => {
    arrive = resolve
    const late = new OAuthError('authorization_timeout', 'Nobody approved in time')
    timer = setTimeout(() => reject(late), timeout * 1000)
  })
  const { close } = await redirect.listen(
    async (request) => {
      const here = new URL(request.url)
      if (here.searchParams.get('state') !== url.searchParams.get('state')) return failurePage()
      arrive(here)
      return successPage()
    },
    { preferred: redirect.uri },
  )
  const end = async (): Promise<void> => {
    clearTimeout(timer)
    await close()
  }
  try {
    const pasted = await redirect.open(url)
    if (pasted !== undefined) arrive(new URL(pasted))
  } catch (error) {
    await end()
    throw error
  }
  return { back: back.finally(end) }
}
