import { html, raw } from 'hono/html'

import { ConfigurationError } from '../../errors.ts'
import { base64url, utf8 } from '../../lib/bytes.ts'
import { defined } from '../../lib/defined.ts'
import { parseObject } from '../../lib/json.ts'
import { methods } from '../../lib/options.ts'
import type { SignIn, SignInLeg } from '../../types.ts'
import { getCookie, setCookie, withCookies } from '../browser/cookies.ts'
import type { Html } from '../page/layout.ts'
import { cleanText } from '../page/text.ts'
import { formAction, pathOf, returnToOf, showSignIn } from './form.ts'

/** A sign-in that this server finishes, with the name that its button shows. */
type Choice = SignIn & Required<Pick<SignIn, 'name' | 'finish'>>

/** What a leg keeps while the user chooses, and after that. */
interface Kept {
  readonly prompt?: string
  readonly maxAge?: number
  readonly loginHint?: string
  /** Index of the choice. */
  readonly at?: number
  /** What the chosen sign-in keeps. */
  readonly inner?: string
}

/** Seconds for which the browser remembers the last choice. */
const remembered = 180 * 86_400
/** A longer hint is dropped, so that it does not fill the cookie. */
const maxHint = 200

/**
 * Lets the user choose between several ways to sign in, such as a password and an API key. The page shows the
 * last choice of this browser first (a cookie with the name of the way, 180 days). If one of them needs
 * consent before the sign-in, all get it before.
 *
 * @throws ConfigurationError unless there are two or more, each with a `name` of its own and `finish`.
 *
 * @example
 * const signIn = oneOf(passwordSignIn({ users }), keySignIn({ verify }))
 */
export function oneOf(...signIns: readonly SignIn[]): SignIn {
  const choices = signIns.map((each, i) => readChoice(each, `oneOf[${i}]`))
  if (new Set(choices.map(({ name }) => name)).size !== choices.length || choices.length < 2)
    throw new ConfigurationError('oneOf', 'must get two or more sign-ins, each with a name of its own')
  const weakening = choices.flatMap((each) => each.weakening ?? []).join(', ')
  return {
    consent: choices.some(({ consent }) => consent === 'before') ? 'before' : 'after',
    ...(weakening === '' ? {} : { weakening }),
    async identify(request) {
      for (const each of choices) {
        const identity = await each.identify(request)
        if (identity) return identity
      }
      return undefined
    },
    check: (issuer) => choices.forEach((each) => each.check?.(issuer)),
    start(request, { returnTo, leg, loginHint = '', prompt, maxAge }) {
      const hint = loginHint === '' || loginHint.length > maxHint ? undefined : loginHint
      keep(leg, { prompt, maxAge, loginHint: hint })
      return chooserPage(choices, request, leg, pathOf(returnTo))
    },
    async finish(request, leg) {
      const kept: Kept = parseObject(leg.kept ?? '') ?? {}
      const choice = new URL(request.url).searchParams.get('choice')
      const index = choices.findIndex((_, i) => String(i) === choice)
      // Only a form of this server chooses: an upstream's answer may carry any parameter.
      if (request.method === 'POST' && index >= 0) return startChoice(choices, index, { request, leg, kept })
      const chosen = choices[kept.at ?? -1]
      if (chosen === undefined) return chooserPage(choices, request, leg, returnToOf(request))
      const inner = innerLeg(leg, kept.inner)
      const result = await chosen.finish(request, inner)
      if (inner.kept !== kept.inner) keep(leg, { ...kept, inner: inner.kept })
      return result
    },
  }
}

/** The user has chosen: that sign-in begins, with what the client wished. */
async function startChoice(
  choices: readonly Choice[],
  at: number,
  { request, leg, kept }: { request: Request; leg: SignInLeg; kept: Kept },
): Promise<Response> {
  const { prompt, maxAge, loginHint } = kept
  const wishes = defined({ prompt, maxAge, loginHint })
  const inner = innerLeg(leg)
  const response = await choices[at]!.start(request, {
    ...wishes,
    returnTo: ownUrl(request, leg),
    leg: inner,
  })
  keep(leg, { ...wishes, at, inner: inner.kept })
  const cookie = setCookie(placeOf(leg), 'choice', idOf(choices[at]!), remembered)
  return withCookies(new Response(response.body, response), [cookie])
}

/** Open redirect: where the flow goes on, if that is on this server. */
function ownUrl(request: Request, { callbackUrl }: SignInLeg): string {
  const { origin } = new URL(callbackUrl)
  const path = returnToOf(request)
  return URL.canParse(path, origin) && new URL(path, origin).origin === origin
    ? new URL(path, origin).href
    : `${origin}/`
}

/** The way that this browser chose last comes first. */
function chooserPage(
  choices: readonly Choice[],
  request: Request,
  leg: SignInLeg,
  returnTo: string,
): Promise<Response> {
  const id = getCookie(placeOf(leg), request, 'choice')
  const last = choices.find((each) => idOf(each) === id)
  const ordered = last === undefined ? choices : [last, ...choices.filter((each) => each !== last)]
  const button = (each: Choice): Html => {
    const choice = String(choices.indexOf(each))
    const isLast = each === last
    return html`<div class="next">
      <form method="post" action="${formAction(leg, { return_to: returnTo, choice })}">
        <button type="submit" ${isLast ? raw(' class="primary"') : ''}>
          Sign in with <bdi>${cleanText(each.name)}</bdi>${isLast ? ' (used last)' : ''}
        </button>
      </form>
    </div>`
  }
  return showSignIn(leg, {
    body: html`<p class="soft">Choose how.</p>
      ${ordered.map(button)}`,
  })
}

function readChoice(value: SignIn, name: string): Choice {
  methods<SignIn>(['identify', 'start'], 'a sign-in such as passwordSignIn({ users })').required(value, name)
  if (typeof value.finish === 'function' && value.name) return value as Choice
  throw new ConfigurationError(
    name,
    'must be a sign-in with a name that comes back to this server (finish); got one that does not, such as ' +
      'ownLogin() or another oneOf()',
  )
}

/** The leg as the chosen sign-in sees it. */
function innerLeg(leg: SignInLeg, kept?: string): SignInLeg {
  const inner: SignInLeg = { ...leg }
  if (kept === undefined) delete inner.kept
  else inner.kept = kept
  return inner
}

function keep(leg: SignInLeg, kept: { [K in keyof Kept]: Kept[K] | undefined }): void {
  leg.kept = JSON.stringify(kept)
}

/** The cookie belongs to this issuer: several may share a host. */
const placeOf = ({ callbackUrl }: SignInLeg): { issuer: string; secure: boolean } => ({
  issuer: callbackUrl,
  secure: callbackUrl.startsWith('https:'),
})

const idOf = ({ name }: Choice): string => base64url(utf8(name))
