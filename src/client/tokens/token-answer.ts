import { defined } from '../../lib/defined.ts'
import { optionalPositiveNumber, optionalText, readAnswer } from '../answers.ts'
import { serverError } from '../errors.ts'
import type { TokenAnswer } from '../types.ts'

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
  const body = await readAnswer(response)
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
