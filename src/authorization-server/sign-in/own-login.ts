import { html } from 'hono/html'

import { ConfigurationError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { oneLine } from '../../lib/runtime.ts'
import { checkOptions, requireFunction, requireString } from '../../lib/options.ts'
import { isLoopbackHost } from '../../protocol/resource.ts'
import type { SignIn } from '../../types.ts'
import { page } from '../page/layout.ts'

/**
 * The application's own login: the user that `identify` finds is asked for consent; a user who is not signed in is sent to `loginUrl` first.
 *
 * @param options.identify Who is signed in, by the application's own session; undefined: the user is not signed in. Say `authTime` if it is known:
 * `max_age` and `prompt=login` go by it.
 * @param options.loginUrl Path or absolute URL of the login. It gets `return_to` (a path if the login is on the issuer's
 * origin, else an absolute URL), and `prompt`, `login_hint` if the client sent them. Send the user to `return_to` afterwards,
 * and only to URLs below the issuer.
 *
 * @throws ConfigurationError if an option is wrong, missing or unknown.
 *
 * @example
 * const signIn = ownLogin({ identify: async (request) => (await userOf(request)) && { subject: 'alice' }, loginUrl: '/login' })
 */
export function ownLogin(options: { identify: SignIn['identify']; loginUrl: string }): SignIn {
  checkOptions('ownLogin', options, ['identify', 'loginUrl'])
  const { identify, loginUrl } = options
  requireFunction('ownLogin.identify', identify)
  requireString('ownLogin.loginUrl', loginUrl)
  if (!/^(?:https?:\/\/|\/(?![/\\]))/.test(loginUrl) || !URL.canParse(loginUrl, 'https://issuer.example'))
    throw new ConfigurationError(
      'ownLogin.loginUrl',
      `is a path such as /login, or an absolute URL; got "${loginUrl}"`,
    )
  return {
    consent: 'after',
    identify,
    start(_request, { returnTo, prompt, loginHint }) {
      const back = new URL(returnTo)
      const login = new URL(loginUrl, back)
      login.searchParams.set(
        'return_to',
        login.origin === back.origin ? back.pathname + back.search : back.href,
      )
      if (prompt !== undefined) login.searchParams.set('prompt', prompt)
      if (loginHint !== undefined) login.searchParams.set('login_hint', loginHint)
      return new Response(null, { status: 303, headers: { location: login.href } })
    },
  }
}

/**
 * Signs in a user under any name, without any proof: for demos and tests on this machine. Refused if the
 * issuer is not a loopback address.
 *
 * `createAuthorizationServer` throws ConfigurationError there.
 */
export function dangerouslyDevSignIn(): SignIn {
  return {
    consent: 'after',
    weakening: 'dangerouslyDevSignIn',
    check(issuer) {
      if (!isLoopbackHost(new URL(issuer).hostname))
        throw new ConfigurationError(
          'signIn',
          'dangerouslyDevSignIn asks for no proof: it is only for an issuer on a loopback address',
        )
    },
    identify: () => undefined,
    start(_request, { returnTo, loginHint, leg }) {
      const back = new URL(returnTo)
      return signInPage(back.origin, {
        action: actionOf(leg.callbackUrl, leg.state, back.pathname + back.search),
        name: loginHint ?? '',
      })
    },
    async finish(request, { callbackUrl, state }) {
      const form = request.method === 'POST' ? await readForm(request) : undefined
      const name = oneLine(form?.get('name') ?? '', 60).trim()
      if (name !== '') return { subject: name, name, props: { name } }
      const back = new URL(request.url).searchParams.get('return_to') ?? ''
      return signInPage(new URL(callbackUrl).origin, {
        action: actionOf(callbackUrl, state, back),
        name,
        ...(form === undefined ? {} : { problem: 'Type a name; any name will do.' }),
      })
    },
  }
}

const actionOf = (callbackUrl: string, state: string, returnTo: string): string =>
  `${new URL(callbackUrl).pathname}?${new URLSearchParams({ state, return_to: returnTo })}`

const signInPage = (
  issuer: string,
  { action, name, problem }: { action: string; name: string; problem?: string },
): Promise<Response> =>
  page(
    { issuer, branding: {} },
    {
      title: 'Sign in',
      status: problem === undefined ? 200 : 400,
      body: html`<h1>Sign in</h1>
        <p class="badges">
          <span class="badge">Development</span>
          <span>No password: this server is for trying things out.</span>
        </p>
        <form method="post" action="${action}">
          <fieldset>
            <label for="name"><strong>Your name</strong></label>
            <input
              type="text"
              id="name"
              name="name"
              value="${name}"
              required
              maxlength="60"
              autocomplete="username"
              autocapitalize="none"
              spellcheck="false"
              ${problem === undefined ? '' : html` aria-describedby="problem" aria-invalid="true"`}
            />
            ${problem === undefined ? '' : html`<p id="problem" class="note bad" role="alert">${problem}</p>`}
          </fieldset>
          <div class="actions one"><button type="submit" class="primary">Sign in</button></div>
        </form>`,
    },
  )
