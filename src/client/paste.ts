import { ConfigurationError } from '../errors.ts'
import { requireFunction } from '../lib/options.ts'
import type { Awaitable } from '../types.ts'
import { withSegment } from './issuer-redirect.ts'
import type { AuthorizationRequest, Redirect } from './options.ts'

/**
 * For hosts without a browser: the person opens the URL elsewhere, approves, and pastes the address at which the browser
 * arrived, where the page itself may well be missing.
 *
 * @param options.uri The redirect URI to register, for example `http://127.0.0.1:8765/callback`.
 * @param options.ask Shows the URL and resolves to what was pasted.
 */
export function pasteRedirect(options: {
  uri: string
  ask: (url: URL, request: AuthorizationRequest) => Awaitable<string>
}): Redirect {
  if (!URL.canParse(options.uri)) throw new ConfigurationError('uri', 'pass the redirect URI')
  requireFunction('ask', options.ask)
  return {
    uri: options.uri,
    listen: async (_, { segment }) => ({ uri: withSegment(options.uri, segment), close: () => undefined }),
    open: async (url, request) => {
      const pasted = (await options.ask(url, request)).trim()
      // Some paste the query alone.
      return URL.canParse(pasted) ? pasted : new URL(pasted.replace(/^\??/, '?'), options.uri)
    },
  }
}
