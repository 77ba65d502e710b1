/** The members of the official SDK's client information that we read and write. */
export interface ClientInformation {
  /** The client's id at the issuer. */
  client_id: string
  /** Its secret there, if it has one. */
  client_secret?: string | undefined
  /** The issuer that knows it (official SDK v2). */
  issuer?: string | undefined
  [member: string]: unknown
}
/** A token response as the official SDK keeps it (RFC 6749 §5.1). */
export interface SdkTokens {
  access_token: string
  token_type: string
  expires_in?: number | undefined
  issuer?: string | undefined
  refresh_token?: string | undefined
  scope?: string | undefined
  [member: string]: unknown
}
/** @inline */
export interface IssuerContext {
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
  /** Client authentication at the token endpoint, which must be that of the issuer that was discovered. */
  addClientAuthentication(headers: Headers, parameters: URLSearchParams, url: string | URL): Promise<void>
  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): Promise<void>
  /** Where the user has to go, if `redirect` is a URL: the application sends the browser there. */
  readonly authorizationUrl: URL | undefined
  /**
   * The parameters of the callback, for `transport.finishAuth`. Rejects with `invalid_callback` if `state` is
   * not the one that was sent, or if `iss` is not the issuer that was discovered (RFC 9207 §2.4): SDK v1
   * checks neither. `url` is where the browser arrived; leave it out if `redirect` listens in this process.
   */
  callback(url?: string | URL): Promise<URLSearchParams>
}
