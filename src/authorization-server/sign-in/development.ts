import { html } from 'hono/html'

import { ConfigurationError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { oneLine } from '../../lib/runtime.ts'
import { isLoopbackHost } from '../../protocol/resource.ts'
import type { SignIn } from '../../types.ts'
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
          <div class="actions"><button type="submit" class="primary">Sign in</button></div>
        </form>`,
    },
  )
