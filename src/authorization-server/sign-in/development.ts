import { html } from 'hono/html'

import { ConfigurationError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { oneLine } from '../../lib/runtime.ts'
import { isLoopbackHost } from '../../protocol/loopback.ts'
import type { SignIn, SignInLeg } from '../../types.ts'
import { page } from '../page/layout.ts'

/**
 * Signs in a user under any name without any proof, for demos and tests on this machine. With an issuer that
 * is not a loopback address `createAuthorizationServer` throws ConfigurationError.
 */
export function dangerouslyDevSignIn(): SignIn {
  return {
    consent: 'after',
    weakening: 'dangerouslyDevSignIn',
    check(issuer) {
      if (!isLoopbackHost(new URL(issuer).hostname))
        throw new ConfigurationError(
          'signIn',
          'must be a sign-in with proof unless the issuer is a loopback address; got dangerouslyDevSignIn()',
        )
    },
    identify: () => undefined,
    start(_request, { returnTo, loginHint = '', leg }) {
      const { pathname, search } = new URL(returnTo)
      return signInPage(leg, { returnTo: pathname + search, name: loginHint })
    },
    async finish(request, leg) {
      const form = request.method === 'POST' ? await readForm(request) : undefined
      const name = oneLine(form?.get('name') ?? '', 60).trim()
      if (name !== '') return { subject: name, name, props: { name } }
      const returnTo = new URL(request.url).searchParams.get('return_to') ?? ''
      const problem = form && 'Type a name; any name will do.'
      return signInPage(leg, { returnTo, name, problem })
    },
  }
}

function signInPage(
  { callbackUrl, state }: SignInLeg,
  { returnTo, name, problem }: { returnTo: string; name: string; problem?: string | undefined },
): Promise<Response> {
  const { origin, pathname } = new URL(callbackUrl)
  const action = `${pathname}?${new URLSearchParams({ state, return_to: returnTo })}`
  return page(
    { issuer: origin, branding: {} },
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
          <div class="actions"><button type="submit" class="primary">Sign in</button></div>
        </form>`,
    },
  )
}
