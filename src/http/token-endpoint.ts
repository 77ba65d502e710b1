import {
  allowInsecureRequests,
  customFetch,
  genericTokenEndpointRequest,
  type AuthorizationServer,
  type ClientAuth,
} from 'oauth4webapi'
import { defined } from '../lib/defined.ts'
import type { Fetch } from '../types.ts'
import { optionalPositiveNumber, optionalText, readAnswer, serverError } from './answers.ts'

/** A token endpoint's answer (RFC 6749 §5.1). */
export interface TokenAnswer {
  /** The access token. Secret. */
  accessToken: string
  /** How it is sent: as a Bearer token, or with a DPoP proof (RFC 9449). */
  type: 'bearer' | 'dpop'
  /** Seconds. Absent: the server did not say. */
  expiresIn?: number
  /** Absent: the server gave none. */
  refreshToken?: string
  /** What was granted, if the server says so. */
  scope?: string
  /** RFC 8693 §2.2.1 */
  issuedTokenType?: string
}

/** Parameters of a token request; those that are undefined are left out. */
export type TokenParameters = Readonly<Record<string, string | undefined>>

/** The request of oauth4webapi, without its reading of the answer. */
export function postTokenRequest(
  server: AuthorizationServer,
  { clientId, auth }: { clientId: string; auth: ClientAuth },
  grantType: string,
  parameters: TokenParameters,
  fetch: Fetch,
  options: object = {},
): Promise<Response> {
  const sent = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return genericTokenEndpointRequest(server, { client_id: clientId }, auth, grantType, sent, {
    ...options,
    [customFetch]: fetch,
    // The fetch decides which http is allowed.
    [allowInsecureRequests]: true,
  })
}

/**
 * Reads a token endpoint's answer. Tolerant of what providers write: `null` and `""` are absent, numbers may
 * be strings, any 2xx is success. An ID token is ignored, so that an odd one does not fail the exchange.
 * `types` are the token types that are accepted, `asBearer` those that this provider writes for a bearer
 * token, in any case of letters.
 */
export async function readTokenAnswer(
  response: Response,
  types: readonly string[] = ['bearer', 'dpop'],
  asBearer: readonly string[] = [],
): Promise<TokenAnswer> {
  return parseTokenAnswer(await readAnswer(response), types, asBearer)
}

/** The same for the JSON object of the answer, or for the object in it that has the tokens. */
export function parseTokenAnswer(
  body: Readonly<Record<string, unknown>>,
  types: readonly string[],
  asBearer: readonly string[] = [],
): TokenAnswer {
  const written = optionalText(body['token_type'])?.toLowerCase() ?? ''
  const type = asBearer.some((each) => each.toLowerCase() === written) ? 'bearer' : written
  const accessToken = optionalText(body['access_token'])
  // The platform's error would quote a token that cannot stand in a header.
  if (accessToken === undefined || !/^[\x21-\x7e]+$/.test(accessToken) || !types.includes(type))
    throw serverError('invalid_response', 'The token endpoint answered without a token of a known type')
  return defined({
    accessToken,
    type: type as TokenAnswer['type'],
    expiresIn: optionalPositiveNumber(body['expires_in']),
    refreshToken: optionalText(body['refresh_token']),
    scope: optionalText(body['scope']),
    issuedTokenType: optionalText(body['issued_token_type']),
  })
}
