import { func, matching, readOptions } from '../../lib/options.ts'
import type { SignIn } from '../../types.ts'

/** Options of {@link ownLogin}. */
export interface OwnLoginOptions {
  /**
   * Returns the user of the application's own session, or undefined if no user is signed in. Return
   * `authTime` if it is known: `max_age` and `prompt=login` are judged by it.
   */
  identify: SignIn['identify']
  /**
   * Path or absolute URL of the login. It gets `return_to` (a path if the login is on the issuer's origin,
   * else an absolute URL), and `prompt` and `login_hint` if the client sent them. Afterwards send the user to
   * `return_to`, and only to URLs below the issuer (open redirect).
   */
  loginUrl: string
}

/**
 * Uses the application's own login. The user that `identify` returns is asked for consent; a user who is not
 * signed in goes to `loginUrl` first.
 *
 * @throws ConfigurationError if an option is wrong, missing or unknown.
 * @see [OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)
 *
 * @example
 * const signIn = ownLogin({ identify: (request) => userOf(request), loginUrl: '/login' })
 */
export function ownLogin(options: OwnLoginOptions): SignIn {
  const { identify, loginUrl } = readOptions('ownLogin', options, {
    identify: func().required,
    loginUrl: matching<string>('a path such as "/login", or an absolute URL', isLoginUrl).required,
  })
  return {
    consent: 'after',
    identify,
    start(_request, { returnTo, prompt, loginHint }) {
      const back = new URL(returnTo)
      const login = new URL(loginUrl, back)
      const isSameOrigin = login.origin === back.origin
      login.searchParams.set('return_to', isSameOrigin ? back.pathname + back.search : back.href)
      if (prompt !== undefined) login.searchParams.set('prompt', prompt)
      if (loginHint !== undefined) login.searchParams.set('login_hint', loginHint)
      return new Response(null, { status: 303, headers: { location: login.href } })
    },
  }
}

/** `//host` and `/\host` would name another host. */
const isLoginUrl = (text: unknown): boolean =>
  typeof text === 'string' &&
  /^(?:https?:\/\/|\/(?![/\\]))/.test(text) &&
  URL.canParse(text, 'https://issuer.example')
