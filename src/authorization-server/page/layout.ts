import { html, raw } from 'hono/html'

import { noStore } from '../../http/responses.ts'
import { oneLine } from '../../lib/runtime.ts'
import { randomToken } from '../../lib/random.ts'
import type { Branding } from '../options.ts'
import { style } from './style.ts'

/** What the one escaping template function makes. */
export type Html = ReturnType<typeof html>

/** The deployment's face, as far as a page needs it. */
export interface Look {
  readonly issuer: string
  readonly branding: Branding
}

export const look = ({ issuer, options }: { issuer: string; options: { branding: Branding } }): Look => ({
  issuer,
  branding: options.branding,
})

export interface Page {
  title: string
  body: Html
  /** Default: 200. */
  status?: number
  wide?: boolean
  cookies?: readonly string[]
  headers?: Readonly<Record<string, string>>
}

/** A whole page: no script, one inline stylesheet under a nonce, never framed, never stored. */
export async function page(
  look: Look,
  { title, body, status, wide, cookies, headers }: Page,
): Promise<Response> {
  const nonce = randomToken()
  const name = brandName(look)
  const text = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · ${name}</title>
<style nonce="${nonce}">${raw(colours(look.branding) + style)}</style>
</head>
<body>
<header class="brand">${logo(look.branding, name)} <span><bdi>${name}</bdi></span></header>
<main${wide ? raw(' class="wide"') : ''}>
${body}
</main>
</body>
</html>
`
  const all = new Headers({
    'content-type': 'text/html; charset=utf-8',
    ...securityHeaders(`default-src 'none'; style-src 'nonce-${nonce}'${imageSource(look.branding)}`),
    ...headers,
  })
  return withCookies(new Response(String(text), { status: status ?? 200, headers: all }), cookies)
}

/** What HEAD tells of a page: that it is there. */
export const emptyPage = (): Response =>
  new Response(null, {
    headers: { 'content-type': 'text/html; charset=utf-8', ...securityHeaders("default-src 'none'") },
  })

/** See other: what follows a POST is a GET, never the POST again (RFC 9700 §4.12). */
export function seeOther(location: string, cookies?: readonly string[]): Response {
  const headers = { location, ...securityHeaders("default-src 'none'") }
  return withCookies(new Response(null, { status: 303, headers }), cookies)
}

/**
 * The response of a sign-in, which may be the application's own page: what it lacks of our headers, and
 * cookies.
 */
export function passOn(response: Response, cookies: readonly string[]): Response {
  const headers = new Headers(response.headers)
  // Scripts and styles of that page are its owner's affair; that it is not framed (clickjacking) is ours.
  const policy = headers.has('location') ? "default-src 'none'" : ''
  for (const [name, value] of Object.entries(securityHeaders(policy)))
    if (!headers.has(name)) headers.set(name, value)
  const { body } = response
  // 307 and 308 would send the user's form on to where it leads.
  const status = headers.has('location') ? 303 : response.status
  return withCookies(new Response(body, { status, headers }), cookies)
}

/** What the deployment is called on its pages. */
export const brandName = ({ branding, issuer }: Look): string =>
  branding.name === undefined ? new URL(issuer).host : oneLine(branding.name, 60)

/** What a person calls a resource. */
export const resourceName = ({ name, resource }: { name?: string; resource: string }): string =>
  shownName(name ?? new URL(resource).host)

/** A length of time, roughly: `30 days`. */
export const period = (seconds: number): string => {
  const days = Math.round(seconds / 86_400)
  if (days >= 1) return days === 1 ? 'a day' : `${days} days`
  return `${Math.max(1, Math.round(seconds / 60))} minutes`
}

/**
 * A name that a stranger may have chosen: one short line, without the characters that make a text look like
 * another one.
 */
export const shownName = (text: string, length = 60): string =>
  oneLine(text, length)
    // What shows nothing; and pictures: a tick, a shield or a padlock would look like a sign of ours.
    .replaceAll(/[\p{Default_Ignorable_Code_Point}√]|(?![©®°™])\p{So}/gu, '')
    .replaceAll(/(\p{M}{2})\p{M}+/gu, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim()

/**
 * No `form-action`: Chromium applies it to every later redirect, the client's own included. `same-origin`:
 * with `no-referrer` browsers send `Origin: null` on the honest form.
 */
function securityHeaders(policy: string): Record<string, string> {
  const csp = [policy, "base-uri 'none'", "frame-ancestors 'none'"].filter((part) => part !== '').join('; ')
  return {
    'content-security-policy': csp,
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    ...noStore,
  }
}

function withCookies(response: Response, cookies: readonly string[] = []): Response {
  for (const each of cookies) response.headers.append('set-cookie', each)
  return response
}

function logo({ logo: src }: Branding, name: string): Html {
  if (src !== undefined) return html`<img src="${src}" alt="" />`
  return html`<i aria-hidden="true">${[...name][0]?.toUpperCase()}</i>`
}

function imageSource({ logo: src }: Branding): string {
  if (src === undefined) return ''
  return `; img-src ${src.startsWith('data:') ? 'data:' : new URL(src).origin}`
}

/** Options have made sure that these are hexadecimal colours. */
function colours({ accent = '#3150d3', accentDark }: Branding): string {
  const dark = accentDark ?? (accent === '#3150d3' ? '#93a8ff' : accent)
  return `:root{--accent-light:${accent};--on-accent-light:${on(accent)};--accent-dark:${dark};--on-accent-dark:${on(dark)}}`
}

/** Black or white, whichever contrasts more; one of them always reaches 4.5:1 (WCAG 2 §1.4.3). */
function on(colour: string): string {
  const digits = colour.length === 4 ? colour.slice(1).replaceAll(/./g, '$&$&') : colour.slice(1)
  const [r, g, b] = [0, 2, 4].map((at) => {
    const part = parseInt(digits.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! > 0.179 ? '#000' : '#fff'
}
