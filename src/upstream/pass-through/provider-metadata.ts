import { ConfigurationError, isOAuthError } from '../../errors.ts'
import { discoverAuthorizationServer } from '../../http/discovery.ts'
import { checkUrl } from '../../http/guarded-fetch.ts'
import { defined } from '../../lib/defined.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import { SingleFlight } from '../../lib/single-flight.ts'
import { parseAuthorizationServerMetadata } from '../../protocol/metadata-parse.ts'
import type { Provider } from '../../types.ts'
import { noPkce, sendsIssuer } from './options.ts'

/** The provider's own endpoints. */
export interface ProviderEndpoints {
  readonly authorization: string
  readonly token: string
  readonly revocation?: string
  readonly jwks?: string
}

/**
 * How long they are used, how long if the provider cannot be asked, and how long a failure counts; seconds.
 */
const lifetime = { fresh: 3600, stale: 86_400, failed: 5 }

/** The endpoints of a provider: the preset's, or those of its metadata, asked for once an hour. */
export class ProviderMetadata {
  readonly #provider: Provider
  readonly #runtime: ResolvedRuntime
  readonly #allowLoopback: boolean
  readonly #flight: SingleFlight<ProviderEndpoints>
  #known: { endpoints: ProviderEndpoints; at: number } | undefined
  #failed: { error: unknown; until: number } | undefined

  constructor(provider: Provider, runtime: ResolvedRuntime, allowLoopback: boolean) {
    this.#provider = provider
    this.#runtime = runtime
    this.#allowLoopback = allowLoopback
    this.#flight = new SingleFlight(runtime)
    const { endpoints } = provider.client ?? {}
    if (endpoints !== undefined) {
      const { authorization, token, revocation } = endpoints
      this.#known = { endpoints: this.#checked({ authorization, token, revocation }), at: Infinity }
    }
  }

  /**
   * Rejects with UnavailableError, or with ConfigurationError if the metadata says that this provider cannot
   * be passed through.
   */
  async endpoints(): Promise<ProviderEndpoints> {
    const now = this.#runtime.clock()
    const known = this.#known
    if (known !== undefined && now < known.at + lifetime.fresh) return known.endpoints
    const stale = known !== undefined && now < known.at + lifetime.stale ? known.endpoints : undefined
    if (this.#failed !== undefined && now < this.#failed.until) return stale ?? reject(this.#failed.error)
    try {
      return await this.#flight.run('', () => this.#discover())
    } catch (error) {
      this.#failed = { error, until: now + lifetime.failed }
      if (stale === undefined || !isOAuthError(error)) throw error
      this.#runtime.failed(error, 'provider metadata')
      return stale
    }
  }

  async #discover(): Promise<ProviderEndpoints> {
    const provider = this.#provider
    const found = parseAuthorizationServerMetadata(
      await discoverAuthorizationServer(provider.issuer, {
        fetch: this.#runtime.fetch,
        allowLoopback: this.#allowLoopback,
      }),
    )
    if (found.authorization_response_iss_parameter_supported === true)
      throw new ConfigurationError('provider', sendsIssuer(provider))
    if (!provider.client?.assumeS256 && !found.code_challenge_methods_supported?.includes('S256'))
      throw new ConfigurationError('provider', noPkce(provider))
    const endpoints = this.#checked({
      authorization: found.authorization_endpoint,
      token: found.token_endpoint,
      revocation: found.revocation_endpoint,
      jwks: found.jwks_uri,
    })
    this.#known = { endpoints, at: this.#runtime.clock() }
    this.#failed = undefined
    return endpoints
  }

  /** SSRF, and a page that another program would open: endpoints are https, or on this machine as we are. */
  #checked(urls: { readonly [K in keyof ProviderEndpoints]: string | undefined }): ProviderEndpoints {
    const { authorization, token, revocation, jwks } = urls
    if (authorization === undefined || token === undefined)
      throw new ConfigurationError(
        'provider',
        `must have an authorization and a token endpoint; the metadata of ${this.#provider.issuer} name none`,
      )
    for (const each of [authorization, token, revocation]) if (each !== undefined) this.#checkUrl(each)
    return { authorization, token, ...defined({ revocation, jwks: jwks ?? this.#provider.jwt?.jwksUri }) }
  }

  #checkUrl(url: string): void {
    try {
      checkUrl(url, { allowLoopback: this.#allowLoopback })
    } catch {
      throw new ConfigurationError(
        'provider',
        `must have public https endpoints; the metadata of ${this.#provider.issuer} name another`,
      )
    }
  }
}

function reject(error: unknown): never {
  throw error
}
