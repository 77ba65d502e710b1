import { ConfigurationError } from '../../errors.ts'
import { checkOptions, requireFunction, requireString } from '../../lib/options.ts'
import type { SignIn } from '../../types.ts'

/**
 * Uses the application's own login. The user that `identify` returns is asked for consent; a user who is not
 * signed in goes to `loginUrl` first.
 *
 * @param options.identify Returns the signed-in user by the application's own session, or undefined if no user
 * is signed in. Return `authTime` if it is known: `max_age` and `prompt=login` are judged by it.
 * @param options.loginUrl Path or absolute URL of the login. It gets `return_to` (a path if the login is on the
 * issuer's origin, else an absolute URL), and `prompt` and `login_hint` if the client sent them. Afterwards
 * send the user to `return_to`, and only to URLs below the issuer (open redirect).
 *
 * @throws ConfigurationError if an option is wrong, missing or unknown.
 * @see [OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)
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
