import { optionError } from '../../lib/options.ts'
import type { ClientContext } from '../context.ts'
import { serverError } from '../../http/answers.ts'
import type { ServerRecord } from '../records.ts'
import { withoutQuery } from '../urls.ts'

/** The redirect URI, which the SDK wants to know beforehand. */
export function fixedRedirect({ options: { redirect } }: ClientContext): string {
  const uri = typeof redirect === 'string' ? redirect : redirect?.uri
  if (uri !== undefined) return uri
  const wayOut = 'Pass a URL, or fix the port of loopbackRedirect()'
  throw optionError('redirect', 'a redirect whose URI is known before the SDK starts', redirect, wayOut)
}

/** SDK v1 names an authorization server by its URL, with the slash that `URL` adds to a host. */
export const isSameIssuer = (a: string, b: string): boolean => a.replace(/\/$/, '') === b.replace(/\/$/, '')

/** Mix-up (RFC 9700 §4.4): the SDK may go only to the endpoints of the issuer that we discovered. */
export function requireEndpoint(
  to: string | URL,
  endpoint: string | undefined,
  { issuer }: ServerRecord,
): void {
  const target = withoutQuery(String(to))
  if (endpoint !== undefined && target === withoutQuery(endpoint)) return
  throw serverError(
    'issuer_mismatch',
    `The SDK was led to ${target}, which is not an endpoint of ${issuer}; ` +
      'the server names different authorization servers',
  )
}
