import { defined } from '../../lib/defined.ts'
import { OAuthError } from '../../errors.ts'
import { checkUrl } from '../../http/guarded-fetch.ts'
import type { Codec } from '../../lib/codec.ts'
import { optionError } from '../../lib/options.ts'
import { randomToken } from '../../lib/random.ts'
import { optionalPositiveNumber, optionalText, serverError } from '../../http/answers.ts'
import { clientAuth } from '../../http/client-auth.ts'
import { connect, type Connection } from '../connection.ts'
import { contextOf, type Client } from '../create-client.ts'
import { findPreregistered } from '../discovery/preregistered.ts'
import { asServer } from '../discovery/server-metadata.ts'
import { connectFirst } from '../fetch/connect.ts'
import { forgetRegistration, hasExpired, toRegisteredClient, type KnownClient } from '../identity/identity.ts'
import { requireOwnEndpoints } from '../identity/issuer-redirect.ts'
import { toRegistration } from '../identity/registration.ts'
import { checkIssuerParameter } from '../interactive/callback.ts'
import { checkServer, outgoingOptions } from '../outgoing.ts'
import {
  readRecord,
  registrationRecord,
  saveRecord,
  sdkDiscoveryRecord,
  sdkFlowRecord,
  sdkValueRecord,
  tokenIndexRecord,
  tokenRecord,
  type ServerRecord,
  type TokenRecord,
} from '../records.ts'
import { parseScopes } from '../scopes.ts'
import { indexTokens } from '../tokens/token-index.ts'
import { fixedRedirect, isSameIssuer, requireEndpoint } from './sdk-checks.ts'
import { sdkKeys } from './sdk-keys.ts'
import { openPage } from './sdk-redirect.ts'
import type { IssuerContext, SdkClientProvider } from './sdk-types.ts'
import { asRequested, withoutQuery } from '../urls.ts'
import { recordKeys } from '../record-keys.ts'

export type { ClientInformation, SdkClientProvider, SdkTokens } from './sdk-types.ts'

/**
 * The client as the official SDK's `OAuthClientProvider`, for applications in which the SDK drives.
 * Registrations and tokens are stored in the client's storage, separately for each issuer. SDK v2 says for
 * which issuer it reads; for SDK v1, which does not, this client discovers the issuer itself, and nothing of
 * another issuer or another server is returned. If you can choose, pass `client.fetch` to the transport
 * instead.
 *
 * @param client Its `redirect` is a URL, or has a fixed one: `pasteRedirect`, or `loopbackRedirect` with a
 *   port.
 * @param server The MCP server's URL: one provider is for one server. Throws ConfigurationError if it is not
 *   a URL.
 */
export function toOAuthClientProvider(client: Client, server: string | URL): SdkClientProvider {
  if (!URL.canParse(String(server))) throw optionError('server', "the MCP server's URL", server)
  const context = contextOf(client)
  const { storage, options, runtime } = context
  const url = asRequested(server)
  checkServer(context, url)
  const keys = sdkKeys(url, options.subject)
  const redirectUrl = fixedRedirect(context)
  let authorizationUrl: URL | undefined
  let arrived: Promise<URL> | undefined
  /** What this client discovered last. */
  let current: Connection | undefined

  const rediscover = async (): Promise<ServerRecord> => {
    current = (await connectFirst(context, url)).connection
    return current.found
  }
  /**
   * The issuer that a record is for. The SDK's own word counts only if it is not what we discovered in
   * another spelling.
   */
  const issuerOf = async (given: IssuerContext | undefined, stamped?: string): Promise<string> => {
    if (given !== undefined) return given.issuer
    const { issuer } = current?.found ?? (await rediscover())
    return stamped === undefined || isSameIssuer(stamped, issuer) ? issuer : stamped
  }
  const findClient = async (issuer: string, shared: boolean): Promise<KnownClient | undefined> => {
    const entry = findPreregistered(context, url, issuer)
    if (entry !== undefined) return entry
    const own = await readRecord(context, registrationRecord, await keys.client())
    const record =
      own?.issuer === issuer || !shared
        ? own
        : await readRecord(context, registrationRecord, await recordKeys.registration(issuer))
    if (record?.issuer !== issuer || hasExpired(record, runtime.clock())) return undefined
    return toRegisteredClient(record)
  }
  const readValue = async (key: Promise<string>): Promise<string | undefined> =>
    (await readRecord(context, sdkValueRecord, await key))?.value
  const save = async <T>(codec: Codec<T>, key: Promise<string>, record: T): Promise<void> =>
    saveRecord(context, codec, await key, record)

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
      const flow = { state: randomToken(), found: await rediscover() }
      await save(sdkFlowRecord, keys.flow(), flow)
      await save(sdkValueRecord, keys.codeIssuer(), { value: flow.found.issuer })
      return flow.state
    },
    async clientInformation(given) {
      // Discovered again each time: the server may name another issuer than before.
      const issuer = given?.issuer ?? (await rediscover()).issuer
      const known = await findClient(issuer, given !== undefined)
      if (known === undefined) return undefined
      // A secret from `clients` leaves only through addClientAuthentication, which checks where it goes.
      const isEntry = given === undefined && options.clients.includes(known as never)
      return {
        client_id: known.clientId,
        client_secret: isEntry ? undefined : known.clientSecret,
        ...(known.authMethod === undefined ? {} : { token_endpoint_auth_method: known.authMethod }),
        ...issuerMember(issuer),
      }
    },
    async saveClientInformation(information, given) {
      const issuer = await issuerOf(given, information.issuer)
      const record = toRegistration(issuer, information, redirectUrl)
      await save(registrationRecord, keys.client(), record)
      // By its id, so that signing out can revoke; for other servers only if the SDK says which issuer's it
      // is.
      await save(registrationRecord, recordKeys.registration(issuer, record.clientId), record)
      if (given !== undefined) await save(registrationRecord, recordKeys.registration(issuer), record)
    },
    async tokens(given) {
      const issuer = given?.issuer ?? current?.found.issuer ?? (await readValue(keys.tokenIssuer())) ?? ''
      const record = await readRecord(context, tokenRecord, await keys.tokens(issuer))
      if (record === undefined || record.issuer !== issuer) return undefined
      const { accessToken, type, refreshToken, granted, expiresAt } = record
      // The refresh token goes to an authorization server: only once it is known which one.
      const known = given !== undefined || current !== undefined
      return {
        access_token: accessToken,
        token_type: type,
        ...issuerMember(issuer),
        ...(refreshToken === undefined || !known ? {} : { refresh_token: refreshToken }),
        ...(granted === undefined ? {} : { scope: granted.join(' ') }),
        ...(expiresAt === undefined
          ? {}
          : { expires_in: Math.max(0, Math.floor(expiresAt - runtime.clock())) }),
      }
    },
    async saveTokens(tokens, given) {
      const issuer = await issuerOf(given, tokens.issuer)
      const tokenKey = await keys.tokens(issuer)
      const refreshToken = optionalText(tokens.refresh_token)
      const scope = optionalText(tokens.scope)
      const lifetime = optionalPositiveNumber(tokens.expires_in)
      const record: TokenRecord = defined({
        issuer,
        clientId: (await findClient(issuer, given !== undefined))?.clientId ?? '',
        accessToken: tokens.access_token,
        type: /^dpop$/i.test(tokens.token_type) ? ('dpop' as const) : ('bearer' as const),
        refreshToken,
        granted: scope === undefined ? undefined : parseScopes(scope),
        expiresAt: lifetime === undefined ? undefined : runtime.clock() + lifetime,
      })
      const found = current?.found.issuer === issuer ? current.found : { issuer, metadata: { issuer } }
      await indexTokens({ ...(await connect(context, url, found)), tokenKey })
      await saveRecord(context, tokenRecord, tokenKey, record)
      await save(sdkValueRecord, keys.tokenIssuer(), { value: issuer })
    },
    async redirectToAuthorization(to) {
      // SSRF, mix-up: the SDK's discovery is not ours, so what it found is checked here.
      checkUrl(to, outgoingOptions(context, url))
      const flow = await readRecord(context, sdkFlowRecord, await keys.flow())
      const found = flow?.found ?? current?.found ?? (await rediscover())
      requireEndpoint(to, found.metadata.authorization_endpoint, found)
      // The SDK uses one redirect URI for all issuers.
      requireOwnEndpoints(await connect(context, url, found))
      authorizationUrl = to
      if (typeof options.redirect !== 'object') return
      const scope = to.searchParams.get('scope')
      const scopes = scope === null ? undefined : parseScopes(scope)
      const request = { server: withoutQuery(url), issuer: found.issuer, scopes }
      arrived = (await openPage(options.redirect, to, request, options.authorizationTimeout)).arrived
      // callback() reports a failure; until then it is not an unhandled rejection.
      arrived.catch(() => undefined)
    },
    async addClientAuthentication(headers, parameters, to) {
      // Mix-up: the code, the verifier and the secret are sent now, and SDK v1 accepts any token endpoint
      // that the server names.
      const found = await rediscover()
      requireEndpoint(to, found.metadata.token_endpoint, found)
      // A code goes back to the issuer that was asked for it, even if the server names another one by now.
      const asked = await readValue(keys.codeIssuer())
      const isCode = parameters.get('grant_type') === 'authorization_code'
      if (isCode && asked !== undefined && asked !== found.issuer)
        throw serverError(
          'issuer_mismatch',
          `The code is of ${asked}, and the server now names ${found.issuer}; start again`,
        )
      const known = await findClient(found.issuer, true)
      if (known === undefined)
        throw new OAuthError(
          'invalid_client',
          `This client is not registered at ${found.issuer}; start again`,
        )
      const authenticate = clientAuth(known, found.metadata, runtime.clock)
      await authenticate(asServer(found.metadata), { client_id: known.clientId }, parameters, headers)
    },
    saveCodeVerifier: (verifier) => save(sdkValueRecord, keys.verifier(), { value: verifier }),
    async codeVerifier() {
      const verifier = await readValue(keys.verifier())
      if (verifier === undefined) throw new OAuthError('invalid_callback', 'No authorization is under way')
      return verifier
    },
    saveDiscoveryState: (state) => save(sdkDiscoveryRecord, keys.discovery(), { state }),
    async discoveryState() {
      const record = await readRecord(context, sdkDiscoveryRecord, await keys.discovery())
      const known: SdkDiscovery | undefined = record?.state
      const issuer = known?.authorizationServerMetadata?.issuer ?? known?.authorizationServerUrl
      if (known === undefined || typeof issuer !== 'string') return undefined
      // What was found earlier counts only as long as the server names the same issuer.
      return isSameIssuer(issuer, (await rediscover()).issuer) ? known : undefined
    },
    async invalidateCredentials(scope) {
      const includes = (name: string): boolean => scope === 'all' || scope === name
      if (includes('tokens')) {
        const index = await readRecord(
          context,
          tokenIndexRecord,
          await recordKeys.tokenIndex(url, options.subject),
        )
        const issuers = [
          (await readValue(keys.tokenIssuer())) ?? '',
          ...(index?.tokens ?? []).map(({ found }) => found.issuer),
        ]
        for (const issuer of issuers) await storage.delete(await keys.tokens(issuer))
      }
      if (includes('client')) {
        const own = await readRecord(context, registrationRecord, await keys.client())
        await storage.delete(await keys.client())
        // The one that other servers use is the same registration.
        if (own !== undefined) await forgetRegistration(context, own.issuer, own.clientId)
      }
      if (includes('verifier')) await storage.delete(await keys.verifier())
      if (includes('discovery')) await storage.delete(await keys.discovery())
    },
    async callback(back) {
      const { searchParams } = new URL(back ?? (await arrived) ?? redirectUrl)
      const key = await keys.flow()
      // Replay: the record is used once, also by two requests at a time.
      const flow = await storage.exclusively(key, async () => {
        const record = await readRecord(context, sdkFlowRecord, key)
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

/** What the SDK found, as far as it is read here. */
interface SdkDiscovery {
  authorizationServerUrl?: unknown
  authorizationServerMetadata?: { issuer?: unknown }
}

/** SDK v2 ignores what is stamped for another issuer; SDK v1 knows no issuer. */
const issuerMember = (issuer: string): { issuer?: string } => (issuer === '' ? {} : { issuer })
