import { html, raw } from 'hono/html'

import { ConfigurationError } from '../../errors.ts'
import { base64url, utf8 } from '../../lib/bytes.ts'
import { parseObject } from '../../lib/json.ts'
import { methods } from '../../lib/options.ts'
import type { SignIn, SignInLeg } from '../../types.ts'
import { getCookie, setCookie, withCookies } from '../browser/cookies.ts'
import type { Html } from '../page/layout.ts'
import { cleanText } from '../page/text.ts'
import { requireOwnNames } from './callbacks.ts'
import { formAction, pathOf, returnToOf, showSignIn } from './form.ts'

/** A sign-in that this server finishes, with the name that its button shows. */
type Way = SignIn & Required<Pick<SignIn, 'name' | 'finish'>>

/** What a leg keeps while the user chooses. */
interface Wishes {
  readonly prompt?: string
  readonly maxAge?: number
  readonly loginHint?: string
}

/** Seconds for which the browser remembers the last choice. */
const remembered = 180 * 86_400
/** A hint that is longer as JSON is dropped, so that it does not fill the cookie. */
const maxHint = 400

/**
 * Lets the user choose between several ways to sign in, such as GitHub and a password. The page shows the
 * last choice of this browser first (a cookie with the name of the way, 180 days). If one of them needs
 * consent before the sign-in, all get it before. Each choice starts a leg with a `state` of its own.
 *
 * @throws ConfigurationError unless there are two or more, each with a `name` of its own and `finish`.
 *
 * @example
 * const signIn = oneOf(passwordSignIn({ users }), keySignIn({ verify }))
 */
export function oneOf(...signIns: readonly SignIn[]): SignIn {
  const ways = signIns.map((each, i) => readWay(each, `oneOf[${i}]`))
  if (new Set(ways.map(({ name }) => cleanText(name))).size !== ways.length || ways.length < 2)
    throw new ConfigurationError('oneOf', 'must get two or more sign-ins, each with a name of its own')
  const weakening = ways.flatMap((each) => each.weakening ?? []).join(', ')
  const upstreams = ways.flatMap((each) => each.upstreams ?? [])
  const callbacks = ways.flatMap(({ name, callbacks = [] }) =>
    callbacks.map((each) => ({ ...each, way: name })),
  )
  requireOwnNames('oneOf', [...callbacks, ...upstreams])
  return {
    consent: ways.some(({ consent }) => consent === 'before') ? 'before' : 'after',
    ...(weakening === '' ? {} : { weakening }),
    ...(upstreams.length === 0 ? {} : { upstreams }),
    ...(callbacks.length === 0 ? {} : { callbacks }),
    async identify(request) {
      for (const each of ways) {
        const identity = await each.identify(request)
        if (identity) return identity
      }
      return undefined
    },
    recheck(identity, way) {
      const chosen = ways.find(({ name }) => name === way)
      return chosen?.recheck === undefined ? chosen && identity : chosen.recheck(identity)
    },
    check: (issuer, scopes) => ways.forEach((each) => each.check?.(issuer, scopes)),
    start(request, { returnTo, leg, loginHint, prompt, maxAge }) {
      const isShort = JSON.stringify(loginHint ?? '').length <= maxHint
      leg.kept = JSON.stringify({ prompt, maxAge, loginHint: isShort ? loginHint : undefined })
      return chooserPage(ways, request, leg, pathOf(returnTo))
    },
    async finish(request, leg) {
      const chosen = ways.find(({ name }) => name === leg.way)
      if (chosen !== undefined) return chosen.finish(request, leg)
      const choice = new URL(request.url).searchParams.get('choice')
      const way = ways.find((each) => idOf(each) === choice)
      // CSRF: only a form of this server chooses.
      if (request.method === 'POST' && way !== undefined) return startWay(way, request, leg)
      return chooserPage(ways, request, leg, returnToOf(request))
    },
  }
}

/** The user has chosen: that sign-in begins, with what the client wished. */
async function startWay(way: Way, request: Request, leg: SignInLeg): Promise<Response> {
  const wishes: Wishes = parseObject(leg.kept ?? '') ?? {}
  // Mix-up: a provider that the user has not chosen never learns the state of the one that the user chose.
  const response = await way.start(request, {
    ...wishes,
    returnTo: ownUrl(request, leg),
    leg: leg.next(way.name),
  })
  const cookie = setCookie(placeOf(leg), 'choice', idOf(way), remembered)
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
  ways: readonly Way[],
  request: Request,
  leg: SignInLeg,
  returnTo: string,
): Promise<Response> {
  const id = getCookie(placeOf(leg), request, 'choice')
  const last = ways.find((each) => idOf(each) === id)
  const ordered = last === undefined ? ways : [last, ...ways.filter((each) => each !== last)]
  const button = (each: Way): Html => {
    const isLast = each === last
    return html`<div class="next">
      <form method="post" action="${formAction(leg, { return_to: returnTo, choice: idOf(each) })}">
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

function readWay(value: SignIn, name: string): Way {
  methods<SignIn>(
    ['identify', 'start'],
    'a sign-in such as passwordSignIn({ users })',
    'Wrap a preset: upstream(github({ … }), { admit })',
  ).required(value, name)
  if (typeof value.finish === 'function' && value.name) return value as Way
  throw new ConfigurationError(
    name,
    'must be a sign-in with a name that comes back to this server (finish); got one that does not, such as ' +
      'ownLogin() or another oneOf()',
  )
}

/** The cookie belongs to this issuer: several may share a host. */
const placeOf = ({ callbackUrl }: SignInLeg): { issuer: string; secure: boolean } => ({
  issuer: callbackUrl,
  secure: callbackUrl.startsWith('https:'),
})

const idOf = ({ name }: Way): string => base64url(utf8(name))
