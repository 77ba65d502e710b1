import { randomToken } from '../../lib/random.ts'
import { ConfigurationError, OAuthError } from '../../errors.ts'
import { checkUrl } from '../../http/guarded-fetch.ts'
import { checkIssuerParameter } from '../interactive/callback.ts'
import { clientAuth } from '../identity/client-auth.ts'
import { contextOf, type Client } from '../create-client.ts'
import { refused } from '../errors.ts'
import { noteTokens } from '../tokens/held-tokens.ts'
import { entryFor } from '../discovery/entry.ts'
import { forget } from '../identity/identity.ts'
import { requireOwnEndpoints } from '../identity/issuer-redirect.ts'
import { probe } from '../fetch/probe.ts'
import { registration } from '../identity/registration.ts'
import { asRequested, checkServer, outgoing, withoutQuery } from '../outgoing.ts'
import {
  keys,
  read,
  save,
  type HeldRecord,
  type RegistrationRecord,
  type ServerRecord,
  type TokenRecord,
} from '../storage/records.ts'
import { legal } from '../scopes.ts'
import type { IssuerContext, SdkClientProvider } from './sdk-types.ts'
import { visit } from './sdk-visit.ts'
import { positiveNumberOf, textOf } from '../tokens/token-answer.ts'
import { asServer } from '../discovery/server-metadata.ts'

export type { SdkClientProvider } from './sdk-types.ts'

/** An authorization that the SDK began. */
interface SdkFlow {
  state: string
  found: ServerRecord
}

/**
 * The client as the official SDK's `OAuthClientProvider`, for hosts that want the SDK to drive. Registrations and tokens lie in the
 * client's storage, kept apart by issuer. SDK v2 says for which issuer it reads; for SDK v1, which does not, this client discovers
 * the issuer itself, and nothing of another issuer or another server is handed out. If the choice is free, pass `client.fetch` to
 * the transport instead.
 *
 * @param client Its `redirect` is a URL, or has a fixed one: `pasteRedirect`, or `loopbackRedirect` with a port.
 * @param server The MCP server's URL: one provider is for one server.
 */
export function toOAuthClientProvider(client: Client, server: string | URL): SdkClientProvider {
  if (!URL.canParse(String(server))) throw new ConfigurationError('server', "pass the MCP server's URL")
  const context = contextOf(client)
  const { storage, options, runtime } = context
  const url = asRequested(server)
  checkServer(context, url)
  const at = (name: string): Promise<string> => keys.sdk(JSON.stringify([name, url, options.subject]))
  const tokenKey = (issuer: string): Promise<string> => keys.tokens(issuer, `sdk ${url}`, options.subject)
  const redirectUrl = typeof options.redirect === 'string' ? options.redirect : options.redirect?.uri
  if (redirectUrl === undefined)
    throw new ConfigurationError(
      'redirect',
      'the SDK wants to know it beforehand: pass a URL, or fix the port',
    )
  let authorizationUrl: URL | undefined
  let arrived: Promise<URL> | undefined
  /** What this client discovered last. */
  let current: ServerRecord | undefined
  const rediscover = async (): Promise<ServerRecord> => (current = (await probe(context, url)).found)
  /** The issuer that a record is for. The SDK's own word counts only if it is not what we discovered under another spelling. */
  const issuerOf = async (given: IssuerContext | undefined, stamped?: string): Promise<string> => {
    if (given !== undefined) return given.issuer
    const { issuer } = current ?? (await rediscover())
    return stamped === undefined || trimmed(stamped) === trimmed(issuer) ? issuer : stamped
  }
  const clientAt = async (issuer: string, shared: boolean): Promise<KnownClient | undefined> => {
    const entry = entryFor(context, url, issuer)
    if (entry !== undefined) return entry
    const own = await read<RegistrationRecord>(storage, await at('client'))
    const record =
      own?.issuer === issuer || !shared
        ? own
        : await read<RegistrationRecord>(storage, await keys.registration(issuer))
    if (record?.issuer !== issuer) return undefined
    // A secret that has ended is no registration any more.
    if (record.expiresAt !== undefined && record.expiresAt <= runtime.clock()) return undefined
    const { method, ...rest } = record
    return { ...rest, authMethod: method }
  }

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
      const flow: SdkFlow = { state: randomToken(), found: await rediscover() }
      await save(storage, await at('state'), flow)
      await storage.set(await at('asked'), flow.found.issuer)
      return flow.state
    },
    async clientInformation(given) {
      // Asked again each time: the server may name another issuer since the last answer.
      const issuer = given?.issuer ?? (await rediscover()).issuer
      const known = await clientAt(issuer, given !== undefined)
      if (known === undefined) return undefined
      // A secret from `clients` leaves only through addClientAuthentication, which sees where it goes.
      const secret =
        given === undefined && options.clients.includes(known as never) ? undefined : known.clientSecret
      return {
        client_id: known.clientId,
        client_secret: secret,
        ...(known.authMethod === undefined ? {} : { token_endpoint_auth_method: known.authMethod }),
        ...stamp(issuer),
      }
    },
    async saveClientInformation(information, given) {
      const issuer = await issuerOf(given, information.issuer)
      const record = registration(issuer, information, redirectUrl)
      const { clientId } = record
      await save(storage, await at('client'), record)
      // By its id, so that signing out can revoke; for other servers only if the SDK says whose it is.
      await save(storage, await keys.registration(issuer, clientId), record)
      if (given !== undefined) await save(storage, await keys.registration(issuer), record)
    },
    async tokens(given) {
      const issuer = given?.issuer ?? current?.issuer ?? (await storage.get(await at('issuer'))) ?? ''
      const record = await read<TokenRecord>(storage, await tokenKey(issuer))
      if (record === undefined || record.issuer !== issuer) return undefined
      const { accessToken, type, refreshToken, granted, expiresAt } = record
      // The refresh token goes to an authorization server: not before it is known which one.
      const known = given !== undefined || current !== undefined
      return {
        access_token: accessToken,
        token_type: type,
        ...stamp(issuer),
        ...(refreshToken === undefined || !known ? {} : { refresh_token: refreshToken }),
        ...(granted === undefined ? {} : { scope: granted.join(' ') }),
        ...(expiresAt === undefined
          ? {}
          : { expires_in: Math.max(0, Math.floor(expiresAt - runtime.clock())) }),
      }
    },
    async saveTokens(tokens, given) {
      const issuer = await issuerOf(given, tokens.issuer)
      const [refreshToken, scope] = [textOf(tokens.refresh_token), textOf(tokens.scope)]
      const life = positiveNumberOf(tokens.expires_in)
      const record: TokenRecord = {
        issuer,
        clientId: (await clientAt(issuer, given !== undefined))?.clientId ?? '',
        accessToken: tokens.access_token,
        type: /^dpop$/i.test(tokens.token_type) ? 'dpop' : 'bearer',
        ...(refreshToken === undefined ? {} : { refreshToken }),
        ...(scope === undefined ? {} : { granted: legal(scope) }),
        ...(life === undefined ? {} : { expiresAt: runtime.clock() + life }),
      }
      const found = current?.issuer === issuer ? current : { issuer, metadata: { issuer } }
      await noteTokens(context, url, found, await tokenKey(issuer))
      await save(storage, await tokenKey(issuer), record)
      // Reads for a single request name no issuer, and v1 never does.
      await storage.set(await at('issuer'), issuer)
    },
    async redirectToAuthorization(to) {
      // The SDK's discovery is not ours: what it found is judged here.
      checkUrl(to, outgoing(context, url))
      const found =
        (await read<SdkFlow>(storage, await at('state')))?.found ?? current ?? (await rediscover())
      requireEndpoint(to, found.metadata.authorization_endpoint, found)
      // The SDK wants one redirect URI for all issuers.
      requireOwnEndpoints(context, url, found)
      authorizationUrl = to
      if (typeof options.redirect !== 'object') return
      const scopes = to.searchParams.get('scope')
      const request = {
        server: withoutQuery(url),
        issuer: found.issuer,
        scopes: scopes === null ? undefined : legal(scopes),
      }
      arrived = (await visit(options.redirect, to, request, options.authorizationTimeout)).back
      // Whoever asks for the answer hears of it.
      arrived.catch(() => undefined)
    },
    async addClientAuthentication(headers, parameters, to) {
      // The code, the verifier and the secret go out now. SDK v1 takes any token endpoint that the server led it to (mix-up).
      const found = await rediscover()
      requireEndpoint(to, found.metadata.token_endpoint, found)
      // A code goes back to the issuer that was asked for it, whatever the server says by now.
      const asked = await storage.get(await at('asked'))
      if (
        parameters.get('grant_type') === 'authorization_code' &&
        asked !== undefined &&
        asked !== found.issuer
      )
        throw refused(
          'issuer_mismatch',
          `The code is of ${asked}, and the server now names ${found.issuer}; start again`,
        )
      const known = await clientAt(found.issuer, true)
      if (known === undefined)
        throw new OAuthError(
          'invalid_client',
          `This client is not registered at ${found.issuer}; start again`,
        )
      const authenticate = clientAuth(known, found.metadata, runtime.clock)
      await authenticate(asServer(found.metadata), { client_id: known.clientId }, parameters, headers)
    },
    saveCodeVerifier: async (verifier) => storage.set(await at('verifier'), verifier),
    async codeVerifier() {
      const verifier = await storage.get(await at('verifier'))
      if (verifier === undefined) throw new OAuthError('invalid_callback', 'No authorization is under way')
      return verifier
    },
    saveDiscoveryState: async (state) => save(storage, await at('discovery'), state),
    async discoveryState() {
      const known = await read<SdkDiscovery>(storage, await at('discovery'))
      const issuer = known?.authorizationServerMetadata?.issuer ?? known?.authorizationServerUrl
      if (known === undefined || typeof issuer !== 'string') return undefined
      // What was found earlier must not outlive the server's own word.
      return trimmed(issuer) === trimmed((await rediscover()).issuer) ? known : undefined
    },
    async invalidateCredentials(scope) {
      const drop = async (name: string, ...which: string[]): Promise<void> => {
        if (scope === 'all' || scope === name) for (const key of which) await storage.delete(key)
      }
      const held = await read<HeldRecord>(storage, await keys.held(url, options.subject))
      const last = (await storage.get(await at('issuer'))) ?? ''
      const issuers = [last, ...(held?.tokens ?? []).map(({ found }) => found.issuer)]
      const own = await Promise.all(issuers.map(tokenKey))
      const client = await read<RegistrationRecord>(storage, await at('client'))
      await drop('tokens', ...own)
      await drop('client', await at('client'))
      // The one that other servers use is the same registration, and as dead.
      if (client !== undefined && (scope === 'all' || scope === 'client'))
        await forget(context, client.issuer, client.clientId)
      await drop('verifier', await at('verifier'))
      await drop('discovery', await at('discovery'))
    },
    async callback(back) {
      const { searchParams } = new URL(back ?? (await arrived) ?? redirectUrl)
      const key = await at('state')
      // Once, also for two requests at a time.
      const flow = await storage.exclusively(key, async () => {
        const record = await read<SdkFlow>(storage, key)
        await storage.delete(key)
        return record
      })
      const states = searchParams.getAll('state')
      if (flow === undefined || states.length !== 1 || states[0] !== flow.state)
        throw new OAuthError('invalid_callback', 'This answer belongs to no authorization of ours')
      checkIssuerParameter(searchParams, flow.found.metadata)
      return searchParams
    },
  }
}

/** What the SDK found, as far as it is looked at here. */
interface SdkDiscovery {
  authorizationServerUrl?: unknown
  authorizationServerMetadata?: { issuer?: unknown }
}

type KnownClient = { clientId: string } & Parameters<typeof clientAuth>[0]

/** SDK v1 names an authorization server by its URL, with the slash that `URL` adds to a host. */
const trimmed = (issuer: string): string => issuer.replace(/\/$/, '')

/** The SDK goes where the issuer that we discovered wants it, and nowhere else (RFC 9700 §4.4, mix-up). */
function requireEndpoint(to: string | URL, endpoint: string | undefined, { issuer }: ServerRecord): void {
  const { origin, pathname } = new URL(to)
  if (endpoint !== undefined && origin + pathname === withoutQuery(endpoint)) return
  throw refused(
    'issuer_mismatch',
    `The SDK was led to ${origin}${pathname}, which is not an endpoint of ${issuer}; the server names different authorization servers`,
  )
}

/** The SDK passes over what is stamped for another issuer; older ones say none. */
const stamp = (issuer: string): { issuer?: string } => (issuer === '' ? {} : { issuer })
