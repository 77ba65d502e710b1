import { func, readOptions, url as urlRow } from '../../lib/options.ts'
import { isPrivateUseRedirect } from '../../protocol/redirect-uri.ts'
import type { Awaitable } from '../../types.ts'
import { callbackError } from '../errors.ts'
import { withSegment } from '../identity/issuer-redirect.ts'
import { isWebUrl } from '../options.ts'
import type { AuthorizationRequest, Redirect } from '../types.ts'

/** How often the user is asked: a program that answers in the user's place must not loop for ever. */
const tries = 5

/** Options of {@link pasteRedirect}. */
export interface PasteOptions {
  /** The redirect URI to register, for example `http://127.0.0.1:8765/callback`. Required. */
  uri: string
  /**
   * Shows the URL and resolves to what the user pasted. If that was no answer to this attempt, it is called
   * again, at most five times, with what was wrong as `problem`. Required.
   */
  ask: (url: URL, request: AuthorizationRequest, problem?: string) => Awaitable<string>
}

/**
 * A redirect for applications without a browser: the user opens the URL elsewhere, approves, and pastes the
 * address at which the browser arrived, even if no page was there. Quotes and blanks around it are dropped. A
 * page that shows `code#state` is supported too. A code without a state is refused, because it may belong to
 * another attempt (CSRF). After five wrong answers the authorization rejects with `invalid_callback`.
 *
 * @param options See {@link PasteOptions}. Throws ConfigurationError for an unknown or unusable option.
 */
export function pasteRedirect(options: PasteOptions): Redirect {
  const { uri, ask } = readOptions(
    'pasteRedirect',
    options,
    {
      uri: urlRow(
        'the redirect URI: https without fragment (http only on loopback), or with the scheme of an app',
        // RFC 8252 §7.1: an app may have a scheme of its own.
        (url, text) => (/^https?:$/.test(url.protocol) ? isWebUrl(url, text) : isPrivateUseRedirect(text)),
      ).required,
      ask: func().required,
    },
    { redirect: 'uri', url: 'uri', open: 'ask' },
  )
  return {
    uri,
    listen: async (_, { segment }) => ({ uri: withSegment(uri, segment), close: () => undefined }),
    async open(url, request) {
      let problem: string | undefined
      for (let i = 0; i < tries; i++) {
        const pasted = await (problem === undefined ? ask(url, request) : ask(url, request, problem))
        const back = addressIn(pasted, uri)
        problem = problemOf(back, url, uri)
        if (problem === undefined) return back
      }
      throw callbackError(problem!)
    },
  }
}

/** The address that was pasted; undefined if the text has none. */
function addressIn(pasted: string, uri: string): URL | undefined {
  // Terminals break lines, and an address has no blanks.
  const text = pasted.replaceAll(/\s/g, '').replaceAll(/^["'`<“”‘’„«]+|["'`>“”‘’»]+$/g, '')
  const { protocol, host } = new URL(uri)
  // Some browsers hide the scheme.
  const whole = text.startsWith(`${host}/`) ? `${protocol}//${text}` : text
  if (URL.canParse(whole)) return new URL(whole)
  const [, code, state] = /^([^#?&]+)#([^#?&]+)$/.exec(text) ?? []
  const query = code === undefined ? text.replace(/^\?/, '') : new URLSearchParams({ code, state: state! })
  // The path without a segment: if the issuer has a redirect URI of its own, the whole address is needed.
  const [base] = uri.split('?')
  return text.includes('=') || code !== undefined ? new URL(`${base}?${String(query)}`) : undefined
}

/** Why the address is not an answer to the request for this page. */
function problemOf(back: URL | undefined, page: URL, uri: string): string | undefined {
  const { searchParams: asked } = page
  const whole = 'paste the whole address at which the browser arrived'
  if (back === undefined) return `That is not an address, and a code alone is not enough: ${whole}`
  const { pathname, searchParams } = back
  const state = searchParams.get('state')
  if (state === null) return `That address has no "state": ${whole}, after you have approved`
  if (state !== asked.get('state'))
    return `That address belongs to another attempt: open the page again, and ${whole}`
  if (!searchParams.has('code') && !searchParams.has('error'))
    return `That address has no "code": ${whole}, after you have approved`
  // Mix-up: the path is what tells the issuers apart.
  return pathname === new URL(asked.get('redirect_uri') ?? uri).pathname
    ? undefined
    : `That address has another path than the page was told: ${whole}`
}
