import { html } from 'hono/html'

import { ConfigurationError } from '../../errors.ts'
import { isLoopbackHost } from '../../protocol/loopback.ts'
import type { SignIn, SignInLeg } from '../../types.ts'
import { describedBy } from '../page/layout.ts'
import { pathOf, readSignInForm, returnToOf, signInPage, typedName } from './form.ts'

/**
 * Signs in a user under any name without any proof, for demos and tests on this machine. With an issuer that
 * is not a loopback address `createAuthorizationServer` throws ConfigurationError.
 */
export function dangerouslyDevSignIn(): SignIn {
  return {
    consent: 'after',
    name: 'any name',
    weakening: 'dangerouslyDevSignIn',
    check(issuer) {
      if (!isLoopbackHost(new URL(issuer).hostname))
        throw new ConfigurationError(
          'signIn',
          'must be a sign-in with proof unless the issuer is a loopback address; got dangerouslyDevSignIn()',
        )
    },
    identify: () => undefined,
    start: (_request, { returnTo, loginHint = '', leg }) =>
      namePage(leg, { returnTo: pathOf(returnTo), name: loginHint }),
    async finish(request, leg) {
      const form = await readSignInForm(request)
      const name = typedName(form?.get('name'), 60)
      if (name !== '') return { subject: name, name, authTime: leg.now, props: { name } }
      const problem = form && 'Type a name; any name will do.'
      return namePage(leg, { returnTo: returnToOf(request), name, problem })
    },
  }
}

function namePage(
  leg: SignInLeg,
  { returnTo, name, problem }: { returnTo: string; name: string; problem?: string | undefined },
): Promise<Response> {
  return signInPage(leg, {
    returnTo,
    problem,
    intro: html`<p class="badges">
      <span class="badge">Development</span>
      <span>No password: this server is for trying things out.</span>
    </p>`,
    fields: html`<fieldset>
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
        ${describedBy(problem !== undefined)}
      />
    </fieldset>`,
  })
}
