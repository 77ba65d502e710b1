import { html, raw } from 'hono/html'

import { randomToken } from '../../lib/random.ts'
import { oneLine } from '../../lib/runtime.ts'
import { withCookies } from '../browser/cookies.ts'
import { securityHeaders } from '../browser/headers.ts'
import type { Branding } from '../../types.ts'
import { style } from './style.ts'

/** XSS: every page is made with this template function, which escapes what it is given. */
export type Html = ReturnType<typeof html>

/** The deployment's name and colours. */
export interface Look {
  readonly issuer: string
  readonly branding: Branding
}

export const lookOf = ({ issuer, options }: { issuer: string; options: { branding: Branding } }): Look => ({
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

/** A whole page. It has no script, one inline stylesheet under a nonce, and is neither framed nor stored. */
export async function page(
  look: Look,
  { title, body, status = 200, wide, cookies, headers }: Page,
): Promise<Response> {
  const nonce = randomToken()
  const { branding } = look
  const name = brandName(look)
  const text = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · ${name}</title>
<style nonce="${nonce}">${raw(colours(branding) + style)}</style>
</head>
<body>
<header>${logo(branding, name)} <span><bdi>${name}</bdi></span></header>
<main${wide ? raw(' class="wide"') : ''}>
${body}
</main>
</body>
</html>
`
  const all = {
    'content-type': 'text/html; charset=utf-8',
    ...securityHeaders(`default-src 'none'; style-src 'nonce-${nonce}'${imageSource(branding)}`),
    ...headers,
  }
  return withCookies(new Response(String(text), { status, headers: all }), cookies)
}

/**
 * Attributes of a field that the note with the id `problem` is about: screen readers read it with the field.
 */
export const describedBy = (isWrong: boolean): Html | '' =>
  isWrong ? html` aria-describedby="problem" aria-invalid="true"` : ''

/** The answer to HEAD. */
export const emptyPage = (): Response =>
  new Response(null, {
    headers: { 'content-type': 'text/html; charset=utf-8', ...securityHeaders("default-src 'none'") },
  })

/** The deployment's name. */
export const brandName = ({ branding, issuer }: Look): string =>
  branding.name === undefined ? new URL(issuer).host : oneLine(branding.name, 60)

const logo = ({ logo: src }: Branding, name: string): Html =>
  src === undefined
    ? html`<i aria-hidden="true">${[...name][0]?.toUpperCase()}</i>`
    : html`<img src="${src}" alt="" />`

function imageSource({ logo: src }: Branding): string {
  if (src === undefined) return ''
  return `; img-src ${src.startsWith('data:') ? 'data:' : new URL(src).origin}`
}

const standardAccent = ['#3150d3', '#93a8ff'] as const

/** The options only accept hexadecimal colours. */
function colours({ accent, accentDark }: Branding): string {
  const light = accent ?? standardAccent[0]
  const dark = accentDark ?? accent ?? standardAccent[1]
  return `:root{--accent:light-dark(${light},${dark});--on:light-dark(${textOn(light)},${textOn(dark)})}`
}

/** Black or white, whichever contrasts more; one of them always reaches 4.5:1 (WCAG 2 §1.4.3). */
function textOn(colour: string): string {
  const digits = colour.length === 4 ? colour.slice(1).replaceAll(/./g, '$&$&') : colour.slice(1)
  const [r, g, b] = [0, 2, 4].map((at) => {
    const part = parseInt(digits.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! > 0.179 ? '#000' : '#fff'
}
